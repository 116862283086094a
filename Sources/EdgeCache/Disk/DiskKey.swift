// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The secret by which a cache knows what it has written to its disk.
enum DiskKey {
    private static let count = 16

    /// The one of a folder, made where there is none yet; nil when the folder is of no use.
    static func key(of folder: String) -> SipKey? {
        let path = "\(folder)/key"
        if let octets = try? File.readRegular(path, limit: count), let key = SipKey(octets) {
            return key
        }
        let words = [ProcessControl.randomSeed(), ProcessControl.randomSeed()]
        let octets = words.flatMap { DiskOrder.octets(of: $0) }
        do {
            try File.makeFolder(folder, mode: 0o700)
            try File.writeAtomically(path, octets)
        } catch {
            return nil
        }
        return SipKey(octets)
    }
}
