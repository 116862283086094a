// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Runtime

@Suite struct FileTests {
    /// A folder that is removed when it is done with.
    struct Place: ~Copyable {
        let folder = "/tmp/martlet-files-\(UInt64.random(in: .min ... .max))"

        init() throws { try File.makeFolder(folder) }

        deinit { for name in ["a", "pipe", ""] { _ = unsafe remove("\(folder)/\(name)") } }

        func path(_ name: String) -> String { "\(folder)/\(name)" }
    }

    @Test(arguments: [0, 1, 4_095, 4_096, 70_000, 3_000_000])
    func `a file is read as a whole, whatever its size`(size: Int) throws {
        let place = try Place()
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try File.writeAtomically(place.path("a"), bytes)
        #expect(try File.readRegular(place.path("a"), limit: size) == bytes)
        guard size > 0 else { return }
        #expect(throws: SystemError.tooLarge) {
            try File.readRegular(place.path("a"), limit: size - 1)
        }
    }

    @Test func `a file that does not say how much it holds is read as well`() throws {
        let limits = try File.readRegular("/proc/self/limits", limit: 1 << 16)
        #expect(String(decoding: limits, as: UTF8.self).contains("Max open files"))
        #expect(throws: SystemError.tooLarge) {
            try File.readRegular("/proc/self/limits", limit: 100)
        }
    }

    @Test func `what is no file is refused, and a pipe keeps nobody waiting`() throws {
        let place = try Place()
        let made = unsafe mkfifo(place.path("pipe"), 0o600)
        #expect(made == 0)
        for path in [place.folder, place.path("pipe"), "/dev/zero"] {
            #expect(throws: SystemError.invalid) { try File.readRegular(path, limit: 100) }
        }
        let reason = #expect(throws: SystemError.self) {
            try File.readRegular(place.path("absent"), limit: 100)
        }
        #expect(reason == SystemError(code: ENOENT))
    }
}
