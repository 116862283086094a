// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Files that root hands to the account that will write them.
///
/// The account may own a folder on the way, and what runs as it is not trusted. So the path is
/// walked step by step, no link is followed, and only a plain file with one name is given away:
/// neither a link to `/etc/shadow` nor a second name of it changes hands.
public struct HandedFile: Sendable {
    /// Whom files are given to.
    let user: UInt32
    let group: UInt32

    /// Hands files to this account.
    public init(user: UInt32, group: UInt32) {
        self.user = user
        self.group = group
    }

    /// Hands files to whom a folder belongs; nil when that is who asks, or cannot be told.
    public init?(ownerOf path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            status.st_uid != geteuid()
        else { return nil }
        self.init(user: status.st_uid, group: status.st_gid)
    }

    /// Makes a file where it is missing and gives it to the account.
    ///
    /// A folder that belongs to neither root nor the account, or that others can write to, is
    /// refused with ``SystemError/accessDenied``. In a folder of its own the account makes its
    /// files itself, so there only what exists is handed over.
    public func make(_ path: String, mode: UInt32 = 0o640) throws(SystemError) {
        let (folder, isOurs, name) = try enter(path)
        defer { folder.close() }
        try give(name, in: folder, flags: isOurs ? O_CREAT : 0, mode: mode)
    }

    /// Gives a folder to the account; a link in its place is refused.
    public func giveFolder(_ path: String) throws(SystemError) {
        let folder = try HandedFile.open(path, in: .none)
        defer { folder.close() }
        guard fchown(folder.raw, user, group) == 0 else { throw SystemError(code: errno) }
    }

    /// Gives the plain files in a folder to the account; what is no such file stays as it is.
    public func giveAll(in path: String, except kept: String) throws(SystemError) {
        let (folder, _, _) = try enter("\(path)/\(kept)")
        defer { folder.close() }
        for name in Folder.entries(path) where name != kept {
            try? give(name, in: folder, flags: 0, mode: 0)
        }
    }

    /// The folder of a path, whether root alone rules it, and the last name of the path.
    private func enter(_ path: String) throws(SystemError) -> (FileDescriptor, Bool, String) {
        var parts = path.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard let name = parts.popLast(), !parts.contains(".."), name != ".." else {
            throw .accessDenied
        }
        var folder = try HandedFile.open(path.hasPrefix("/") ? "/" : ".", in: .none)
        do throws(SystemError) {
            var isOurs = try isRoots(folder)
            for part in parts {
                let next = try HandedFile.open(part, in: folder)
                folder.close()
                folder = next
                isOurs = try isRoots(folder)
            }
            return (folder, isOurs, name)
        } catch {
            folder.close()
            throw error
        }
    }

    private static func open(
        _ name: String,
        in folder: FileDescriptor
    ) throws(SystemError) -> FileDescriptor {
        let flags = O_RDONLY | O_DIRECTORY
        let from = folder.isNone ? AT_FDCWD : folder.raw
        return FileDescriptor(raw: Int32(try checked(unsafe mt_open_at(from, name, flags, 0))))
    }

    /// True for a folder of root, false for one of the account; others are refused.
    private func isRoots(_ folder: FileDescriptor) throws(SystemError) -> Bool {
        var status = stat()
        guard unsafe fstat(folder.raw, &status) == 0 else { throw SystemError(code: errno) }
        guard status.st_uid == 0 || status.st_uid == user else { throw .accessDenied }
        // Where everybody may write, as in /tmp, the sticky bit keeps what is root's in place.
        let isOpen = status.st_mode & 0o022 != 0 && status.st_mode & S_ISVTX == 0
        guard !isOpen else { throw .accessDenied }
        return status.st_uid == 0
    }

    private func give(
        _ name: String,
        in folder: FileDescriptor,
        flags: Int32,
        mode: UInt32
    ) throws(SystemError) {
        // Not blocking: a pipe of that name must not stop the one who opens it.
        let flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | flags
        let opened = unsafe mt_open_at(folder.raw, name, flags, mode)
        let fd = FileDescriptor(raw: Int32(try checked(opened)))
        defer { fd.close() }
        var status = stat()
        guard unsafe fstat(fd.raw, &status) == 0 else { throw SystemError(code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw .accessDenied
        }
        guard status.st_uid != user else { return }
        guard fchown(fd.raw, user, group) == 0 else { throw SystemError(code: errno) }
    }
}
