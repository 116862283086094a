// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer

/// The secrets that messages of DNS are signed with, those in files among them.
struct TransactionKeyFiles: Sendable {
    // What files held when they could last be read.
    private var files: [String: SecretOctets] = [:]
    private var faults: [String: String] = [:]

    /// Reads the files of a configuration; one that is no use leaves what it held before in force.
    mutating func load(_ keys: [TSIGKeySettings], _ read: CertificateFiles.Read) {
        let wanted = Set(keys.compactMap(\.secretFile))
        files = files.filter { wanted.contains($0.key) }
        faults = [:]
        for path in wanted {
            do throws(CertificateFiles.Unreadable) {
                if let secret = SecretOctets(file: try read(path)) {
                    files[path] = secret
                } else {
                    faults[path] = "does not hold a secret in base64"
                }
            } catch {
                faults[path] = "cannot be read: \(error.reason)"
            }
        }
    }

    /// What is wrong with files whose former secret is in force.
    var survivedFaults: [String] {
        faults.filter { files[$0.key] != nil }.sorted { $0.key < $1.key }.map {
            "the secret of a TSIG key '\($0.key)' \($0.value): the one read last is in force"
        }
    }

    /// The keys, each with its secret.
    func inForce(_ keys: [TSIGKeySettings]) throws(ReloadProblem) -> TransactionKeys {
        var found: [TransactionKey] = []
        for key in keys {
            guard let name = DomainName(key.name),
                let algorithm = TSIGAlgorithm(word: key.algorithm)
            else { continue }
            guard let secret = key.secret ?? key.secretFile.flatMap({ files[$0] }) else {
                let path = key.secretFile ?? ""
                throw .start(
                    "M3055",
                    "the TSIG key '\(key.name)' has no secret: '\(path)' "
                        + (faults[path] ?? "was not read"),
                    "fill it by `openssl rand -base64 32`"
                )
            }
            found.append(
                TransactionKey(
                    name: name,
                    algorithm: algorithm,
                    secret: secret.octets,
                    leastLength: key.leastMac
                )
            )
        }
        return TransactionKeys(found)
    }
}
