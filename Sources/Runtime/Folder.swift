// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Folders of our own, in places that others can write to as well.
public enum Folder {
    /// Makes a folder, or takes one that is there already.
    ///
    /// ``SystemError/accessDenied`` for one that is a link, belongs to someone else or can be
    /// written to by others: in `/tmp` anyone may have been there first.
    public static func makeOwn(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        guard unsafe mkdir(path, mode) != 0 else { return }
        guard errno == EEXIST else { throw SystemError(code: errno) }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw SystemError(code: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
            status.st_mode & 0o022 == 0
        else { throw .accessDenied }
    }

    /// The names in a folder; none when it cannot be read.
    public static func entries(_ path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe _ = closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name.0) {
                unsafe String(cString: $0)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a folder with all that is in it, or a file; links are removed, never followed.
    public static func removeTree(_ path: String) {
        guard unsafe unlink(path) != 0 else { return }
        guard errno == EISDIR || errno == EPERM else { return }
        for name in entries(path) { removeTree("\(path)/\(name)") }
        unsafe _ = rmdir(path)
    }
}
