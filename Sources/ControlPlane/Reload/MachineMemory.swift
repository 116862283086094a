// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Runtime

/// What memory the machine has.
enum MachineMemory {
    /// All of it, in use or not; nil where the kernel does not say.
    static func total() -> ByteCount? {
        (try? File.read("/proc/meminfo", limit: 1 << 16)).flatMap(total)
    }

    /// The line `MemTotal:  16315476 kB` of `/proc/meminfo` (proc_meminfo(5)).
    static func total(_ text: [UInt8]) -> ByteCount? {
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "MemTotal:", let count = Int(words[1]) else {
                continue
            }
            let (bytes, isTooMany) = count.multipliedReportingOverflow(by: 1024)
            return isTooMany ? nil : ByteCount(bytes)
        }
        return nil
    }
}
