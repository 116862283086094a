// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Certificates for tests, made by the `openssl` command in a folder of their own.
public final class CertificateMaker {
    /// Where the files are; gone with this object.
    public let folder: String

    /// A pair of files.
    public struct Pair {
        /// The path of the certificate.
        public let certificate: String
        /// The path of its key.
        public let key: String
    }

    /// What kind of key a certificate has.
    public enum Kind: String {
        /// ECDSA on P-256.
        case ecdsa
        /// RSA of 2048 bits.
        case rsa
        /// RSA of 4096 bits, whose signatures take milliseconds.
        case longRSA
    }

    /// An empty folder with an authority in it.
    public init() throws {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        folder = "\(base)/martlet-certificates-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        try run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "\(folder)/authority.key", "-out", authority, "-days", "30",
            "-subj", "/CN=Test Authority", "-addext", "basicConstraints=critical,CA:TRUE",
        ])
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The path of the authority's certificate.
    public var authority: String { "\(folder)/authority.crt" }

    /// A certificate of the authority for these names.
    public func make(
        _ file: String,
        names: [String],
        _ kind: Kind = .ecdsa,
        days: Int = 20
    ) throws -> Pair {
        let pair = Pair(certificate: "\(folder)/\(file).crt", key: "\(folder)/\(file).key")
        let form =
            kind != .ecdsa
            ? ["-newkey", kind == .rsa ? "rsa:2048" : "rsa:4096"]
            : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        let list = names.map { name in
            let isAddress = name.allSatisfy { $0.isNumber || $0 == "." }
            return isAddress ? "IP:\(name)" : "DNS:\(name)"
        }
        try run(
            ["req", "-new"] + form + [
                "-nodes", "-keyout", pair.key, "-out", "\(folder)/\(file).csr",
                "-subj", "/CN=\(file)",
                "-addext", "subjectAltName=" + list.joined(separator: ","),
            ]
        )
        try run([
            "x509", "-req", "-in", "\(folder)/\(file).csr", "-CA", authority,
            "-CAkey", "\(folder)/authority.key", "-CAcreateserial", "-out", pair.certificate,
            "-days", "\(days)", "-copy_extensions", "copy",
        ])
        return pair
    }

    /// The authority's answer (RFC 6960) about a certificate: `V` good, `R` revoked; valid for so
    /// many days, or without an end.
    public func response(to pair: Pair, status: String, days: Int?) throws -> [UInt8] {
        let base = "\(folder)/ocsp"
        let serial =
            try run(["x509", "-in", pair.certificate, "-noout", "-serial"])
            .split(separator: "=").last.map { $0.filter(\.isHexDigit) } ?? ""
        let revoked = status == "R" ? "250101000000Z" : ""
        let line = "\(status)\t491231235959Z\t\(revoked)\t\(serial)\tunknown\t/CN=x\n"
        try Data(line.utf8).write(to: URL(fileURLWithPath: "\(base).index"))
        try run([
            "ocsp", "-issuer", authority, "-cert", pair.certificate, "-reqout", "\(base).req",
            "-no_nonce",
        ])
        try run(
            [
                "ocsp", "-index", "\(base).index", "-CA", authority, "-rsigner", authority,
                "-rkey", "\(folder)/authority.key", "-reqin", "\(base).req", "-respout",
                "\(base).der",
            ] + (days.map { ["-ndays", "\($0)"] } ?? [])
        )
        return try bytes("\(base).der")
    }

    /// Seconds since 1970, for what is compared with a certificate's times.
    public func now() throws -> Int64 { Int64(Date().timeIntervalSince1970) }

    /// The bytes of a file.
    public func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Writes a file.
    public func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Runs the command; its standard output.
    @discardableResult
    public func run(_ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let (output, feed) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = feed
        try process.run()
        feed.fileHandleForWriting.write(Data(input.utf8))
        try feed.fileHandleForWriting.close()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
        return String(decoding: data, as: UTF8.self)
    }

    /// Begins the command, with what it says going to a file of the folder; true once it has ended.
    public func start(
        _ arguments: [String],
        input: String,
        output: String
    ) throws -> () -> Bool {
        let (from, to) = ("\(folder)/\(output).in", "\(folder)/\(output)")
        try Data(input.utf8).write(to: URL(fileURLWithPath: from))
        try Data().write(to: URL(fileURLWithPath: to))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardInput = FileHandle(forReadingAtPath: from)
        process.standardOutput = FileHandle(forWritingAtPath: to)
        process.standardError = FileHandle.nullDevice
        try process.run()
        return { !process.isRunning }
    }

    /// The command said no.
    public struct Failure: Error {
        let arguments: [String]
    }
}
