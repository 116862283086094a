// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Foundation
import Runtime
import Testing

@testable import ControlPlane

@Suite struct KeyStoreTests {
    private static func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? Int) ?? 0
    }

    @Test func `keys and states are open to their owner alone`() throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: "\(folder.path)/keys")
        try store.prepare("example.com.")
        let (file, _) = try store.make(.ksk, 13, zone: "example.com.", avoiding: [])
        try store.save(["format": 1], zone: "example.com.")
        #expect(try Self.mode("\(folder.path)/keys") == 0o700)
        #expect(try Self.mode("\(folder.path)/keys/example.com") == 0o700)
        #expect(try Self.mode("\(folder.path)/keys/example.com/\(file.name)") == 0o600)
        #expect(try Self.mode("\(folder.path)/keys/example.com/rollover.json") == 0o600)
    }

    @Test(arguments: [13, 15] as [UInt8])
    func `what was made is read again, by the name of its file`(algorithm: UInt8) throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: folder.path)
        try store.prepare("a.example.")
        let (file, key) = try store.make(.csk, algorithm, zone: "a.example.", avoiding: [])
        #expect(file.name == "csk-\(algorithm)-\(file.tag).pem")
        #expect(KeyFile(name: file.name) == file)
        let found = store.load("A.Example.")
        #expect(found.keys[file]?.publicKey == key.publicKey)
        #expect(found.faults.isEmpty)
        #expect(!found.hasState)
    }

    @Test func `a damaged, exchanged or missing key file is told of with its code`() throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: folder.path)
        let zone = "example.com."
        try store.prepare(zone)
        let (one, _) = try store.make(.zsk, 13, zone: zone, avoiding: [])
        let (other, key) = try store.make(.zsk, 15, zone: zone, avoiding: [])
        try File.writeAtomically("\(store.folder(zone))/\(one.name)", Array("nonsense".utf8))
        let found = store.load(zone)
        #expect(found.keys.count == 1)
        #expect(found.faults.map(\.code) == ["M1680"])
        #expect(found.faults.first?.text.contains(one.name) == true)
        // The right form, and not the key that the name says.
        let wrong = KeyFile(role: .zsk, algorithm: 15, tag: other.tag &+ 1)
        try store.keep(key, as: wrong, zone: zone)
        #expect(throws: KeyStore.Fault.self) { try store.read(wrong, zone) }
        store.remove(other, zone: zone)
        #expect {
            try store.read(other, zone)
        } throws: { error in
            (error as? KeyStore.Fault)?.text.contains("is missing") == true
        }
    }

    @Test func `a file says whose key it is, and one of another zone is refused`() throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: folder.path)
        for zone in ["a.example.", "b.example."] { try store.prepare(zone) }
        let (file, _) = try store.make(.csk, 13, zone: "A.example.", avoiding: [])
        let bytes = try File.read("\(store.folder("a.example."))/\(file.name)", limit: 1 << 16)
        #expect(KeyStore.owner(of: bytes) == "a.example.")
        try File.writeAtomically("\(store.folder("b.example."))/\(file.name)", bytes)
        let found = store.load("b.example.")
        #expect(found.keys.isEmpty)
        #expect(found.faults.map(\.code) == ["M1680"])
        #expect(found.faults.first?.text.contains("is a key of zone a.example.") == true)
        // One without the line is a key, and nobody's.
        let bare = Array(bytes.drop { $0 != 0x0a }.dropFirst())
        try File.writeAtomically("\(store.folder("b.example."))/\(file.name)", bare)
        let nobody = store.load("b.example.")
        #expect(nobody.keys.count == 1 && nobody.own.isEmpty && nobody.faults.isEmpty)
        #expect(store.load("a.example.").own == [file])
    }

    @Test func `a key of another zone is not brought`() throws {
        let folder = try TemporaryFolder()
        let stem = "\(folder.path)/Kexample.net.+013+55648"
        try File.writeAtomically("\(stem).private", Array(ForeignKeyTests.ecdsa.utf8))
        try File.writeAtomically("\(stem).key", Array(ForeignKeyTests.ecdsaRecord.utf8))
        func bring(_ file: String, _ zone: String) -> KeyImport.Report {
            KeyImport.bring([file], to: zone, role: nil, state: "\(folder.path)/state")
        }
        let other = bring("\(stem).private", "example.org")
        #expect(!other.isDone && other.text.contains("is a key of zone example.net."))
        #expect(Folder.entries("\(folder.path)/state").isEmpty)
        let own = bring("\(stem).private", "Example.NET")
        #expect(own.isDone, "\(own.text)")
        // And what was brought is no key of a third one.
        let path = own.text.split(separator: "\n").first.map(String.init) ?? ""
        let again = bring(path, "example.org")
        #expect(!again.isDone && again.text.contains("is a key of zone example.net."))
    }

    @Test func `names of zones cannot leave the folder`() {
        #expect(KeyStore.folderName("Example.COM.") == "example.com")
        #expect(KeyStore.folderName(".") == "%2e")
        #expect(KeyStore.folderName("a/../b.example.") == "a%2f..%2fb.example")
        #expect(KeyStore.folderName("\u{5c}046.example.") == "%5c046.example")
        #expect(KeyFile(name: "../zsk-13-1.pem") == nil)
        #expect(KeyFile(name: "zsk-13-01.pem") == nil)
        #expect(KeyFile(name: "zsk-13-65536.pem") == nil)
    }
}

/// The keys of RFC 6605 §6.1 and RFC 8080 §6.1, as BIND and Knot keep them.
@Suite struct ForeignKeyTests {
    static let ecdsa = """
        Private-key-format: v1.2
        Algorithm: 13 (ECDSAP256SHA256)
        PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=
        Created: 20260101000000
        """
    static let ecdsaRecord = """
        ; This is a key-signing key, keyid 55648, for example.net.
        example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb \
        krSqQpF64cYb cB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==
        """
    static let edwards = """
        Private-key-format: v1.2
        Algorithm: 15 (ED25519)
        PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=
        """

    @Test func `a pair of BIND's files is a key with its flags`() throws {
        let found = try ForeignKeyFile.read(
            Array(Self.ecdsa.utf8),
            record: Array(Self.ecdsaRecord.utf8)
        )
        #expect(found.flags == 257)
        #expect(KeyFile.tag(of: found.key, role: .ksk) == 55_648)
        let new = NewKey(role: .ksk, algorithm: 13, tag: 55_648, publicKey: found.key.publicKey)
        let ds = KeptZone.delegations(new, try #require(DomainName("example.net.")))[0]
        let text = ds.dropFirst(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(text == "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17")
    }

    @Test func `an Ed25519 key needs no record beside it`() throws {
        let found = try ForeignKeyFile.read(Array(Self.edwards.utf8), record: nil)
        #expect(found.flags == nil)
        #expect(KeyFile.tag(of: found.key, role: .csk) == 3613)
        // And PEM says as much.
        let pem = try #require(found.key.pem)
        #expect(try ForeignKeyFile.read(pem, record: nil).key.publicKey == found.key.publicKey)
    }

    @Test(arguments: [
        (edwards, ecdsaRecord, "does not belong"),
        (ecdsa, "example.net. IN DNSKEY 385 3 13 AAAA", "does not belong"),
        ("Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n", "", "is of algorithm 8"),
        ("Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: AAAA\n", "", "32 octets"),
        ("Private-key-format: v1.3\nAlgorithm: 13\nEngine: cGtjczEx\n", "", "engine"),
        ("Private-key-format: v1.3\n", "", "names no algorithm"),
        ("nonsense", "", "holds no private key"),
    ])
    func `what is no use says why`(text: String, record: String, reason: String) {
        #expect {
            _ = try ForeignKeyFile.read(
                Array(text.utf8),
                record: record.isEmpty ? nil : Array(record.utf8)
            )
        } throws: { error in
            (error as? ForeignKeyFile.Refusal)?.text.contains(reason) == true
        }
    }

    @Test func `roles follow from flags`() {
        #expect(KeyImport.roles([257, 256]) == [.ksk, .zsk])
        #expect(KeyImport.roles([257, 257]) == [.csk, .csk])
        #expect(KeyImport.roles([256, 257, 256]) == [.zsk, .ksk, .zsk])
    }
}
