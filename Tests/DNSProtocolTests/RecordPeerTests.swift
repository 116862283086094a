// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Foundation
import Testing

/// BIND's `named-rrchecker`, which reads one record.
enum RecordChecker {
    static let path = "/usr/bin/named-rrchecker"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// The data of each line in hexadecimal; nil where BIND refuses them.
    static func data(_ lines: [String]) throws -> [String?] {
        let loop = """
            while IFS= read -r line; do
              printf '%s\\n' "IN $line" | \(path) -u 2>/dev/null | tr '\\t' ' ' | grep . || echo bad
            done
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", loop]
        let input = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-records-\(UUID().uuidString)")
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: input)
        defer { try? FileManager.default.removeItem(at: input) }
        process.standardInput = try FileHandle(forReadingFrom: input)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(
            decoding: pipe.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        process.waitUntilExit()
        return output.split(separator: "\n").map { line in
            guard let mark = line.range(of: "\\# ") else { return nil }
            return line[mark.upperBound...].split(separator: " ").dropFirst().joined().uppercased()
        }
    }
}

/// The same records to BIND, where it is installed: both must agree.
@Suite(.enabled(if: RecordChecker.isInstalled, "named-rrchecker is not installed"))
struct RecordPeerTests {
    @Test func `BIND reads every type to the same data`() throws {
        let samples = RecordFormTests.good
        let answers = try RecordChecker.data(samples.map(\.text))
        try #require(answers.count == samples.count)
        for (sample, answer) in zip(samples, answers) {
            let expected = sample.isOurs ? nil : RecordFormTests.hex(sample.wire)
            #expect(answer == expected, "\(sample.text)")
        }
    }

    @Test func `BIND reads what is shown here`() throws {
        let samples = RecordFormTests.good.filter { !$0.isOurs }
        let texts = try samples.map { sample in
            let type = try #require(RecordType(sample.type))
            return "\(type) \(RecordText.data(type, sample.wire.span))"
        }
        let answers = try RecordChecker.data(texts)
        try #require(answers.count == samples.count)
        for (number, answer) in answers.enumerated() {
            let wire = RecordFormTests.hex(samples[number].wire)
            #expect(answer == wire, "\(texts[number])")
        }
    }

    @Test func `BIND refuses the same malformed data`() throws {
        let samples = RecordFormTests.bad
        let answers = try RecordChecker.data(samples.map(\.text))
        try #require(answers.count == samples.count)
        for (sample, answer) in zip(samples, answers) {
            #expect((answer != nil) == sample.isOurs, "\(sample.text)")
        }
    }

    @Test func `BIND refuses the same data on the wire`() throws {
        var lines: [String] = []
        for sample in RecordFormTests.served {
            let type = try #require(RecordType(sample.type))
            for wire in [
                Array(sample.wire.dropLast()), sample.wire + [0], sample.wire + [1, 2, 3],
            ] {
                let hex = RecordFormTests.hex(wire)
                lines.append("TYPE\(type.rawValue) \\# \(wire.count) \(hex)")
            }
        }
        let answers = try RecordChecker.data(lines)
        try #require(answers.count == lines.count)
        for (line, answer) in zip(lines, answers) {
            let ours = RecordFormTests.read("a \(line)").data.first
            #expect((ours != nil) == (answer != nil), "\(line)")
        }
    }
}
