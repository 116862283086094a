// SPDX-License-Identifier: Apache-2.0
internal import CCrypt

/// Compares passwords with the hashes of a file of users; one for each thread that does so.
///
/// A comparison takes some milliseconds by intent: never on a worker.
@safe public final class PasswordHash {
    private let data: UnsafeMutablePointer<crypt_data>

    /// The longest password that is looked at, in bytes.
    public static let longestPassword = 511

    /// Nil without memory.
    public init?() {
        guard let data = unsafe mt_crypt_new() else { return nil }
        unsafe self.data = data
    }

    deinit { unsafe mt_crypt_free(data) }

    /// True for the forms that are made for passwords: bcrypt, SHA-256, SHA-512, yescrypt, scrypt.
    public static func isSupported(_ hash: String) -> Bool { unsafe mt_crypt_supports(hash) == 1 }

    /// True when the password is the one that the hash was made of.
    public func matches(_ password: [UInt8], _ hash: String) -> Bool {
        // A zero byte would end the password early: a shorter one would do.
        guard password.count <= PasswordHash.longestPassword, !password.contains(0) else {
            return false
        }
        return unsafe (password + [0]).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                guard let start = text.baseAddress else { return false }
                return unsafe mt_crypt_matches(data, start, hash) == 1
            }
        }
    }
}
