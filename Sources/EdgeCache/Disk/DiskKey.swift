// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// The secret by which a cache knows what it has written to its disk.
enum DiskKey {
    private static let count = 16

    /// The one of a folder, made where there is none yet.
    static func key(of folder: String) throws(SystemError) -> SipKey {
        let path = "\(folder)/key"
        do throws(SystemError) {
            if let key = SipKey(try File.readRegular(path, limit: count)) { return key }
        } catch {
            // What is there and cannot be read now may be so later.
            guard error == .noSuchFile || error == .tooLarge else { throw error }
        }
        let octets = [ProcessControl.randomSeed(), ProcessControl.randomSeed()]
            .flatMap { DiskOrder.octets(of: $0) }
        guard let key = SipKey(octets) else { throw .invalid }
        try File.makeFolder(folder, mode: 0o700)
        try File.writeAtomically(path, octets)
        return key
    }
}
