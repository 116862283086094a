// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// A process of the demonstration.
struct DemoProcess: Equatable {
    let name: String
    let identifier: Int32
}

/// The folder of one running demonstration: what its commands and processes share.
///
/// A demonstration holds a lock beside its folder for as long as it lives. So a folder whose lock
/// is free was left behind by a crash, and the next demonstration clears it away.
struct DemoFolder {
    static let most = 32

    let number: Int
    let path: String

    init(_ number: Int) {
        self.number = number
        path = "\(DemoFolder.base)/\(number)"
    }

    /// `/tmp/martlet-demo-UID`, one for each user.
    static var base: String {
        let temporary = Terminal.environment("TMPDIR") ?? ""
        let folder = temporary.hasPrefix("/") ? temporary : "/tmp"
        return "\(folder)/martlet-demo-\(ProcessControl.effectiveUser)"
    }

    var configuration: String { "\(path)/martlet.yaml" }
    var log: String { "\(path)/martlet.log" }
    var state: String { "\(path)/state" }
    var traffic: String { "\(path)/traffic" }
    private var processTable: String { "\(path)/processes" }
    private var lockPath: String { "\(path).lock" }

    /// What is broken at an origin: a word per line.
    func faults(_ origin: String) -> String { "\(path)/\(origin).faults" }
    /// A wish that an origin be started again; the demonstration takes it away.
    func revival(_ origin: String) -> String { "\(path)/\(origin).revive" }
    /// What an origin's disk check writes.
    func scratch(_ origin: String) -> String { "\(path)/\(origin).disk" }

    // MARK: Taking and finding

    /// Takes the first folder that no living demonstration has, emptied.
    static func claim() throws(DemoRefusal) -> (folder: DemoFolder, lock: FileDescriptor) {
        do throws(SystemError) {
            try Folder.makeOwn(base)
            for number in 1...most {
                let folder = DemoFolder(number)
                guard let lock = try folder.tryLock() else { continue }
                folder.clear()
                try Folder.makeOwn(folder.path)
                return (folder, lock)
            }
        } catch {
            throw DemoRefusal("cannot use \(base): \(error)")
        }
        throw DemoRefusal("\(most) demonstrations are running already")
    }

    /// The demonstrations that run now.
    static func running() -> [DemoFolder] {
        (1...most).map(DemoFolder.init).filter { folder in
            guard File.modified(folder.configuration) != nil else { return false }
            guard let lock = try? folder.tryLock() else { return true }
            lock.close()
            return false
        }
    }

    private func tryLock() throws(SystemError) -> FileDescriptor? {
        do throws(SystemError) {
            return try File.lock(lockPath)
        } catch  where error == .wouldBlock {
            return nil
        }
    }

    /// Ends what a crashed demonstration left running, and removes the folder.
    func clear() {
        for process in processes where DemoFolder.isOurs(process, in: path) {
            ProcessControl.signal(DemoSignal.kill, to: process.identifier)
        }
        Folder.removeTree(path)
    }

    // MARK: Processes

    /// The processes as last written down.
    var processes: [DemoProcess] {
        guard let bytes = try? File.read(processTable, limit: 65_536) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let identifier = Int32(parts[1]), identifier > 1 else {
                return nil
            }
            return DemoProcess(name: String(parts[0]), identifier: identifier)
        }
    }

    /// Writes the processes down for commands and for a successor.
    func write(_ processes: [DemoProcess]) {
        let text = processes.map { "\($0.name) \($0.identifier)\n" }.joined()
        try? File.writeAtomically(processTable, Array(text.utf8), mode: 0o644)
    }

    /// The living process of this name.
    func process(_ name: String) -> DemoProcess? {
        processes.first { $0.name == name && DemoFolder.isOurs($0, in: path) }
    }

    // A number may belong to a stranger by now, so it is asked what it runs before it is touched.
    private static func isOurs(_ process: DemoProcess, in path: String) -> Bool {
        let file = "/proc/\(process.identifier)/cmdline"
        guard let bytes = try? File.read(file, limit: 65_536) else { return false }
        let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return words.contains { $0.hasPrefix("demo-") } && words.contains { $0.hasPrefix(path) }
    }
}

/// Signal numbers of Linux on the machines that Martlet runs on.
enum DemoSignal {
    static let hangUp: Int32 = 1
    static let interrupt: Int32 = 2
    static let quit: Int32 = 3
    static let kill: Int32 = 9
    static let terminate: Int32 = 15
    static let child: Int32 = 17
}
