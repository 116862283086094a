// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Brings keys of other servers into the state folder.
///
/// A zone that has no state there begins with them as keys that sign already; a zone that has one
/// takes them before it makes others.
public enum KeyImport {
    /// What came of it.
    public struct Report: Sendable {
        /// A line for each file.
        public var text: String
        /// True when all of them were brought.
        public var isDone: Bool
    }

    /// Reads all files, and writes keys only when every one of them is good.
    ///
    /// `K*.private` is read with the `.key` beside it, which says the flags. `role` stands for
    /// files without one.
    public static func bring(
        _ files: [String],
        to zone: String,
        role: String?,
        state: String
    ) -> Report {
        guard let apex = DomainName(KeyKeeper.name(zone)), let store = KeyStore(state: state) else {
            return Report(text: "'\(zone)' is no domain name\n", isDone: false)
        }
        let name = "\(apex.lowercased)"
        let given = role.flatMap(KeyRole.init(rawValue:))
        guard role == nil || given != nil else {
            return Report(text: "a role is ksk, zsk or csk\n", isDone: false)
        }
        var found: [ForeignKeyFile.Found] = []
        for file in files {
            do throws(ForeignKeyFile.Refusal) {
                found.append(try read(file, name))
            } catch {
                return Report(text: "\(file) \(error.text)\n", isDone: false)
            }
        }
        let roles = KeyImport.roles(found.map { $0.flags ?? given?.flags ?? 257 })
        var text = ""
        do throws(KeyStore.Fault) {
            try store.prepare(name)
            for (key, role) in zip(found.map(\.key), roles) {
                let role = given ?? role
                let file = KeyFile(
                    role: role,
                    algorithm: key.algorithm.rawValue,
                    tag: KeyFile.tag(of: key, role: role)
                )
                try store.keep(key, as: file, zone: name)
                text += "\(store.folder(name))/\(file.name)\n"
                if role == .csk, given == nil {
                    text +=
                        "  signs everything; a key that signs other keys alone needs --role ksk\n"
                }
            }
            // By root for a service that runs as another account: it has to read them.
            if let owner = HandedFile(ownerOf: state) { StateFolder.giveKeys(in: state, owner) }
        } catch {
            return Report(text: text + "\(error.code): \(error.text)\n", isDone: false)
        }
        return Report(text: text, isDone: true)
    }

    private static func read(
        _ path: String,
        _ zone: String
    ) throws(ForeignKeyFile.Refusal) -> ForeignKeyFile.Found {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: 65_536)
        } catch {
            throw ForeignKeyFile.Refusal(text: "cannot be read: \(error)")
        }
        let stem = path.hasSuffix(".private") ? String(path.dropLast(8)) : path
        let record = stem == path ? nil : try? File.read("\(stem).key", limit: 65_536)
        let found = try ForeignKeyFile.read(bytes, record: record)
        if let owner = found.owner, owner != zone {
            throw ForeignKeyFile.Refusal(
                text:
                    "is a key of zone \(owner), not of \(zone): give the files of this zone; for one "
                    + "key in both zones give it as PEM without a line 'Zone:'"
            )
        }
        return found
    }

    /// The roles of keys by their flags: with keys that sign the zone alone, those with the flag
    /// SEP sign the DNSKEY set; without, they sign everything.
    static func roles(_ flags: [UInt16]) -> [KeyRole] {
        let isSplit = flags.contains(256)
        return flags.map { flags in
            guard flags == 257 else { return .zsk }
            return isSplit ? .ksk : .csk
        }
    }
}
