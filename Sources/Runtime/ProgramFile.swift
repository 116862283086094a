// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Whether a program can, and may, be started.
public enum ProgramFile {
    /// What stands in the way.
    public enum Fault: Sendable, Equatable {
        /// There is nothing of that name, or nothing that can be seen.
        case missing(reason: String)
        /// It is a folder, pipe or device, or nobody may execute it.
        case notExecutable
        /// Other accounts may change this: the program itself, or a folder or link on its way.
        case writable(path: String)
    }

    /// What is wrong with a program; nil when nothing is.
    ///
    /// The path is absolute. What everybody may write to is found first: it must never be run.
    public static func fault(_ path: String) -> Fault? {
        if let writable = writablePart(path) { return .writable(path: writable) }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            return .missing(reason: SystemError(code: errno).description)
        }
        guard status.st_mode & S_IFMT == S_IFREG,
            status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH) != 0
        else { return .notExecutable }
        return nil
    }

    private static let linkLimit = 40

    // What others may change on the way, links followed one by one: a link is as good as the folder
    // that it lies in, and a name below a folder for all, as /tmp is, belongs to whoever took it.
    private static func writablePart(_ path: String) -> String? {
        var rest = path.split(separator: "/").reversed().map(String.init)
        var place = ""
        var links = 0
        var status = stat()
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                place = place.split(separator: "/").dropLast().map { "/\($0)" }.joined()
                continue
            }
            guard unsafe stat(place.isEmpty ? "/" : place, &status) == 0 else { return nil }
            let isForAll = status.st_mode & S_IWOTH != 0
            if isForAll, status.st_mode & S_ISVTX == 0 { return place.isEmpty ? "/" : place }
            let next = "\(place)/\(part)"
            guard unsafe lstat(next, &status) == 0 else { return nil }
            if isForAll, status.st_uid != 0, status.st_uid != geteuid() { return next }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                place = next
                continue
            }
            links += 1
            guard links <= linkLimit, let target = target(of: next) else { return nil }
            if target.hasPrefix("/") { place = "" }
            rest += target.split(separator: "/").reversed().map(String.init)
        }
        let isOpen = status.st_mode & S_IFMT == S_IFREG && status.st_mode & S_IWOTH != 0
        return isOpen ? place : nil
    }

    private static func target(of link: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink(link, &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension ProgramFile.Fault: CustomStringConvertible {
    /// The fault in words.
    public var description: String {
        switch self {
        case .missing(let reason): reason
        case .notExecutable: "not an executable file"
        case .writable(let path): "other accounts may change \(path)"
        }
    }
}
