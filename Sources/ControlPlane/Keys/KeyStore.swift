// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// The keys of zones and how far their rollovers are, as files in the state folder.
///
///     keys/example.com/rollover.json         what is shown, used and in caches
///     keys/example.com/ksk-13-12345.pem      one private key: role, algorithm, tag
///
/// The first line of a key's file says whose key it is: `Zone: example.com.`, before the PEM. A file
/// without that line has come here by hand. It serves where the state names it, and is no spare.
///
/// Folders are open to their owner alone (0700), files as well (0600). Everything is written under
/// another name, synced and renamed, and the folder is synced, before anything relies on it.
struct KeyStore: Sendable {
    /// What is wrong with the files of a zone's keys.
    struct Fault: Error, Equatable, Sendable {
        /// A stable code.
        var code: String
        /// What is wrong, and what to do.
        var text: String
    }

    /// What was found of one zone.
    struct Found: Sendable {
        /// The state as it was written; nil when there is none or it cannot be understood.
        var state: JSONValue?
        /// The private keys that could be read, by the names of their files.
        var keys: [KeyFile: SigningKey] = [:]
        /// Those of them that were made or brought for this zone.
        var own: Set<KeyFile> = []
        /// What is wrong.
        var faults: [Fault] = []
        /// True when there was a state, whole or not.
        var hasState = false
    }

    static let stateName = "rollover.json"
    static let limits = JSONLimits(bytes: 1 << 20, depth: 8, values: 100_000)

    /// The folder of all keys, in the state folder.
    static let folderName = "keys"

    /// `STATE/keys`.
    let root: String

    init(root: String) { self.root = root }

    /// The keys in a state folder; nil without one.
    init?(state: String?) {
        guard let state else { return nil }
        self.init(root: "\(state)/\(KeyStore.folderName)")
    }

    /// The folder of a zone's keys.
    func folder(_ zone: String) -> String { "\(root)/\(KeyStore.folderName(zone))" }

    /// The zone's name in lower case without its last dot.
    ///
    /// What is no letter, digit, dot, hyphen or underscore is written as `%` and two hexadecimal
    /// digits. The root is `%2e`.
    static func folderName(_ zone: String) -> String {
        var name = Array(zone.utf8)
        if name.count > 1, name.last == UInt8(ascii: ".") { name.removeLast() }
        if name == [UInt8(ascii: ".")] { return "%2e" }
        return name.map { byte -> String in
            let lower = ASCII.lowercased(byte)
            let isPlain =
                ASCII.isLetter(lower) || ASCII.isDigit(lower) || [0x2d, 0x2e, 0x5f].contains(lower)
            guard !isPlain else { return String(decoding: [lower], as: UTF8.self) }
            let digits = String(byte, radix: 16)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }

    /// Makes the folder of a zone.
    func prepare(_ zone: String) throws(Fault) {
        do throws(SystemError) {
            try File.makeFolder(root, mode: 0o700, parents: 0o755)
            try File.makeFolder(folder(zone), mode: 0o700, parents: 0o700)
        } catch {
            throw unwritable(zone, error)
        }
    }

    /// Reads everything that there is of a zone.
    func load(_ zone: String) -> Found {
        let folder = folder(zone)
        var found = Found()
        let path = "\(folder)/\(KeyStore.stateName)"
        do throws(SystemError) {
            let bytes = try File.read(path, limit: KeyStore.limits.bytes)
            found.hasState = true
            found.state = try? JSONReader.read(bytes, limits: KeyStore.limits)
        } catch {
            if error != .noSuchFile {
                found.hasState = true
                let text = "\(path) cannot be read: \(error)"
                found.faults.append(Fault(code: "M1681", text: text))
            }
        }
        for name in Folder.entries(folder).sorted() {
            guard let file = KeyFile(name: name) else { continue }
            do throws(Fault) {
                let (key, isOwn) = try readOwned(file, zone)
                found.keys[file] = key
                if isOwn { found.own.insert(file) }
            } catch {
                found.faults.append(error)
            }
        }
        return found
    }

    /// Reads one key, and sees that it is the one that the file's name says.
    func read(_ file: KeyFile, _ zone: String) throws(Fault) -> SigningKey {
        try readOwned(file, zone).key
    }

    private func readOwned(
        _ file: KeyFile,
        _ zone: String
    ) throws(Fault) -> (key: SigningKey, isOwn: Bool) {
        let path = "\(folder(zone))/\(file.name)"
        func fault(_ text: String) -> Fault {
            Fault(
                code: "M1680",
                text: "the key file \(path) of zone \(zone) \(text)"
            )
        }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: 16_384)
        } catch {
            throw fault(error == .noSuchFile ? "is missing" : "cannot be read: \(error)")
        }
        let owner = KeyStore.owner(of: bytes)
        if let owner, owner != KeyKeeper.name(zone) {
            throw fault(
                "is a key of zone \(owner): move it away; keys are brought by 'import-keys'"
            )
        }
        guard let key = SigningKey(pem: bytes) else { throw fault("holds no key that can be used") }
        guard key.algorithm.rawValue == file.algorithm,
            KeyFile.tag(of: key, role: file.role) == file.tag
        else { throw fault("holds another key than its name says") }
        return (key, owner != nil)
    }

    private static let ownerWord = "Zone: "

    /// The zone that a key's file names; nil for a file that names none.
    static func owner(of bytes: [UInt8]) -> String? {
        let line = String(decoding: bytes.prefix(1100).prefix { $0 != 0x0a }, as: UTF8.self)
        guard line.hasPrefix(ownerWord) else { return nil }
        return KeyKeeper.name(String(line.dropFirst(ownerWord.count)))
    }

    /// Makes a key whose tag is none of `tags`, and returns once it lies safely on disk.
    func make(
        _ role: KeyRole,
        _ algorithm: UInt8,
        zone: String,
        avoiding tags: Set<UInt16>
    ) throws(Fault) -> (file: KeyFile, key: SigningKey) {
        guard let known = SigningAlgorithm(rawValue: algorithm) else {
            throw Fault(
                code: "M1682",
                text: "there is no way to make keys of algorithm \(algorithm)"
            )
        }
        // Of 65,536 tags a handful is taken: a few tries are plenty.
        for _ in 0..<64 {
            guard let key = SigningKey.generate(known) else { break }
            let file = KeyFile(
                role: role,
                algorithm: algorithm,
                tag: KeyFile.tag(of: key, role: role)
            )
            guard !tags.contains(file.tag) else { continue }
            try keep(key, as: file, zone: zone)
            return (file, key)
        }
        throw Fault(code: "M1682", text: "zone \(zone) gets no new key: none could be made")
    }

    /// Writes a key, and returns once it lies safely on disk.
    func keep(_ key: SigningKey, as file: KeyFile, zone: String) throws(Fault) {
        guard let pem = key.pem else {
            throw Fault(code: "M1682", text: "a key of zone \(zone) cannot be written as PEM")
        }
        let owner = "\(KeyStore.ownerWord)\(KeyKeeper.name(zone))\n"
        try write(Array(owner.utf8) + pem, file.name, zone)
    }

    /// Writes the state, and returns once it lies safely on disk.
    func save(_ state: JSONValue, zone: String) throws(Fault) {
        try write(Array(state.text(indented: true).utf8), KeyStore.stateName, zone)
    }

    /// Puts a state that cannot be understood aside.
    func setAside(_ zone: String) {
        let path = "\(folder(zone))/\(KeyStore.stateName)"
        try? File.move(path, to: "\(path).corrupt")
    }

    /// Removes the file of a key that nothing can refer to any more.
    func remove(_ file: KeyFile, zone: String) {
        let folder = folder(zone)
        File.remove("\(folder)/\(file.name)")
        try? File.syncFolder(folder)
    }

    private func write(_ bytes: [UInt8], _ name: String, _ zone: String) throws(Fault) {
        let folder = folder(zone)
        do throws(SystemError) {
            try File.writeAtomically("\(folder)/\(name)", bytes, mode: 0o600)
            try File.syncFolder(folder)
        } catch {
            throw unwritable(zone, error)
        }
    }

    private func unwritable(_ zone: String, _ error: SystemError) -> Fault {
        Fault(
            code: "M1682",
            text: "keys of zone \(zone) cannot be kept in \(folder(zone)): \(error)"
        )
    }
}

/// The name of a key's file.
struct KeyFile: Hashable, Sendable {
    var role: KeyRole
    var algorithm: UInt8
    var tag: UInt16

    var name: String { "\(role.rawValue)-\(algorithm)-\(tag).pem" }

    init(role: KeyRole, algorithm: UInt8, tag: UInt16) {
        (self.role, self.algorithm, self.tag) = (role, algorithm, tag)
    }

    init(_ key: NewKey) { self.init(role: key.role, algorithm: key.algorithm, tag: key.tag) }

    init?(name: String) {
        guard name.hasSuffix(".pem") else { return nil }
        let parts = name.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let role = KeyRole(rawValue: String(parts[0])),
            let algorithm = UInt8(parts[1]), let tag = UInt16(parts[2])
        else { return nil }
        self.init(role: role, algorithm: algorithm, tag: tag)
        guard self.name == name else { return nil }
    }

    /// What the machine knows of the key in the file.
    func newKey(_ key: SigningKey) -> NewKey {
        NewKey(role: role, algorithm: algorithm, tag: tag, publicKey: key.publicKey)
    }

    static func tag(of key: SigningKey, role: KeyRole) -> UInt16 {
        ZoneKey(key, flags: role.flags).tag
    }
}
