// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// The files that access to routes depends on: read, judged, and kept until they change.
struct AccessFiles: Sendable {
    typealias Read = CertificateFiles.Read

    /// What was good when it was last read.
    enum Loaded: Sendable, Equatable {
        case users(UserTable)
        case keys(TokenKeys)
        case page([UInt8])
    }

    private(set) var loaded: [AccessFileSettings: Loaded] = [:]
    /// What is wrong with files, as found at the last look.
    private(set) var faults: [AccessFileSettings: String] = [:]

    /// Reads a file; what is in hand stays when nothing has changed, or nothing usable came.
    ///
    /// True when there is something new.
    mutating func load(_ file: AccessFileSettings, _ read: Read) -> Bool {
        do throws(Unusable) {
            let fresh = try AccessFiles.read(file, read)
            faults[file] = nil
            guard fresh != loaded[file] else { return false }
            loaded[file] = fresh
            return true
        } catch {
            faults[file] = error.reason
            return false
        }
    }

    /// Reads all files of a configuration, and forgets those that are not in it.
    mutating func loadAll(_ settings: Settings, _ read: Read) {
        let wanted = settings.accessFiles
        for file in wanted { _ = load(file, read) }
        let kept = Set(wanted)
        loaded = loaded.filter { kept.contains($0.key) }
        faults = faults.filter { kept.contains($0.key) }
    }

    func users(_ path: String) -> UserTable? {
        guard case .users(let table)? = loaded[AccessFileSettings(path: path, content: .users)]
        else { return nil }
        return table
    }

    func keys(_ path: String) -> TokenKeys? {
        guard case .keys(let keys)? = loaded[AccessFileSettings(path: path, content: .keys)]
        else { return nil }
        return keys
    }

    func page(_ path: String) -> [UInt8]? {
        guard case .page(let text)? = loaded[AccessFileSettings(path: path, content: .page)]
        else { return nil }
        return text
    }

    /// The longest text of an answer: with its head it must fit one block.
    static let pageLimit = 16_384

    /// What is wrong with a file on this machine; nil when nothing is.
    static func fault(_ file: AccessFileSettings) -> String? {
        do throws(Unusable) {
            _ = try read(file, CertificateFiles.readHere)
            return nil
        } catch {
            return error.reason
        }
    }

    private struct Unusable: Error {
        let reason: String
    }

    private static func read(
        _ file: AccessFileSettings,
        _ read: Read
    ) throws(Unusable) -> Loaded {
        let text: [UInt8]
        do throws(CertificateFiles.Unreadable) {
            text = try read(file.path)
        } catch {
            throw Unusable(reason: "cannot be read: \(error.reason)")
        }
        switch file.content {
        case .users:
            do throws(UserTable.Fault) {
                return .users(try UserTable(text))
            } catch {
                throw Unusable(reason: error.message)
            }
        case .page:
            guard text.count <= AccessFiles.pageLimit else {
                throw Unusable(reason: "is longer than 16 KiB")
            }
            return .page(text)
        case .keys:
            do throws(TokenKeys.Fault) {
                return .keys(try TokenKeys(text))
            } catch {
                throw Unusable(reason: error.message)
            }
        }
    }
}

extension Settings {
    /// The files that the supervisor opens for the serving process.
    ///
    /// A change is taken up while they serve, but for secrets of cookies, which need a reload.
    var watchedFiles: [String] {
        var seen: Set<String> = []
        let all =
            certificateFiles + accessFiles.map(\.path) + sessionKeyFiles + geo.files
            + [latency.file, dns.cookies.secrets].compactMap(\.self)
            + tsigKeys.compactMap(\.secretFile)
        return all.filter { seen.insert($0).inserted }
    }
}

extension Plane {
    /// Takes changed files of access up; a bad one leaves the old content in force.
    mutating func exchangeAccess(_ changed: Set<String>) {
        var files = assembly.access
        var hasNew = false
        for file in settings.accessFiles where changed.contains(file.path) {
            let isNew = files.load(file) { path throws(CertificateFiles.Unreadable) in
                try link.file(path)
            }
            let field = JSONMember("file", .string(file.path))
            if let fault = files.faults[file] {
                noteFault(file, fault, "the former content serves on")
            } else if isNew {
                hasNew = true
                note(.access, .info, "a new content of the file is in force", [field])
            }
        }
        guard hasNew else { return }
        assembly.access = files
        needsSnapshot = true
    }

    /// Reads every file of a configuration anew.
    static func loadAccess(
        _ settings: Settings,
        known: AccessFiles,
        _ link: inout SupervisorLink
    ) -> AccessFiles {
        var files = known
        files.loadAll(settings) { path throws(CertificateFiles.Unreadable) in try link.file(path) }
        return files
    }

    private func noteFault(_ file: AccessFileSettings, _ fault: String, _ outcome: String) {
        log.record(Plane.accessEvent(file, fault, outcome))
    }

    /// At a start nobody may come in by a file that cannot be used: the other routes serve.
    static func noteFaults(_ access: AccessFiles, _ log: EventLog) {
        for (file, fault) in access.faults {
            log.record(accessEvent(file, fault, "its routes let nobody in"))
        }
    }

    private static func accessEvent(
        _ file: AccessFileSettings,
        _ fault: String,
        _ outcome: String
    ) -> LogEvent {
        var event = LogEvent(
            .access,
            .error,
            realtime: Clock.realtime(),
            "\(outcome): '\(file.path)' \(fault)",
            [JSONMember("file", .string(file.path))]
        )
        let code: DiagnosticCode =
            switch file.content {
            case .users: .badUsers
            case .keys: .badKeys
            case .page: .unreadableFile
            }
        event.code = code.rawValue
        return event
    }
}
