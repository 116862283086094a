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
        /// Every account may change this: the program itself, or a folder that it lies in.
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

    private static func writablePart(_ path: String) -> String? {
        var prefix = "/"
        var status = stat()
        for part in path.split(separator: "/") {
            // In a folder with the sticky bit, as /tmp is, what is there stays its owner's.
            if unsafe stat(prefix, &status) == 0, status.st_mode & S_IWOTH != 0,
                status.st_mode & S_ISVTX == 0
            {
                return prefix
            }
            prefix += prefix == "/" ? part : "/\(part)"
        }
        guard unsafe stat(prefix, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_mode & S_IWOTH != 0
        else { return nil }
        return prefix
    }
}

extension ProgramFile.Fault: CustomStringConvertible {
    /// The fault in words.
    public var description: String {
        switch self {
        case .missing(let reason): reason
        case .notExecutable: "not an executable file"
        case .writable(let path): "every account may change \(path)"
        }
    }
}
