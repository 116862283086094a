// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import Essentials
internal import Runtime

/// Finds, makes and locks the folder of the state files.
enum StateFolder {
    /// The folder with its lock; nil, with a note, when none can be written to.
    ///
    /// Without a folder Martlet serves all the same: it only cannot remember.
    static func open(
        _ configured: String?,
        configuration: String,
        owner: Account?,
        notes: inout [String]
    ) throws(ReloadProblem) -> (path: String, lock: FileDescriptor)? {
        let path = configured ?? standard(for: configuration)
        do throws(SystemError) {
            // The account must get through to a folder that root makes for it.
            try File.makeFolder(path, parents: owner == nil ? 0o750 : 0o755)
            if let owner { try hand(path, to: owner) }
            return (path, try File.lock("\(path)/\(lock)"))
        } catch {
            if error == .wouldBlock {
                throw .start(
                    "M3106",
                    "the state folder \(path) is in use by another Martlet",
                    "stop it, or set 'state' to another folder"
                )
            }
            notes.append(
                "warning: no state is kept: \(path): \(error). Health and changes made through "
                    + "the API are lost at a restart; set 'state' to a folder that can be written."
            )
            return nil
        }
    }

    private static let lock = "lock"

    /// Gives the folder to the account, and files in it that another account has left there.
    private static func hand(_ path: String, to owner: Account) throws(SystemError) {
        let handed = HandedFile(user: owner.user, group: owner.group)
        try handed.giveFolder(path)
        try? handed.giveAll(in: path, except: lock)
        giveKeys(in: path, handed)
    }

    /// The keys of zones are of no use to an account that cannot read them.
    static func giveKeys(in path: String, _ handed: HandedFile) {
        let keys = "\(path)/\(KeyStore.folderName)"
        guard (try? handed.giveFolder(keys)) != nil else { return }
        for zone in Folder.entries(keys) where (try? handed.giveFolder("\(keys)/\(zone)")) != nil {
            try? handed.giveAll(in: "\(keys)/\(zone)", except: lock)
        }
    }

    /// Where the state of a configuration file lives unless it says: one folder for each file.
    static func standard(for configuration: String) -> String {
        let name = configuration.split(separator: "/").last.map(String.init) ?? "martlet"
        let stem = name.prefix { $0 != "." }
        let key = Hash.text(absolute(configuration))
        let folder = "\(stem)-\(String(key, radix: 16))"
        if ProcessControl.effectiveUser == 0 { return "/var/lib/martlet/\(folder)" }
        if let base = ProcessControl.environment("XDG_STATE_HOME"), base.hasPrefix("/") {
            return "\(base)/martlet/\(folder)"
        }
        if let home = ProcessControl.environment("HOME"), home.hasPrefix("/") {
            return "\(home)/.local/state/martlet/\(folder)"
        }
        return "/tmp/martlet-\(ProcessControl.effectiveUser)/\(folder)"
    }

    /// The path from the root, without following links.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        return "\(ProcessControl.environment("PWD") ?? "")/\(path)"
    }
}

/// Where a service leaves what others may read.
public enum ServiceState {
    /// The copy of the configuration that was adopted last.
    public static func lastConfiguration(of path: String, settings: Settings) -> String {
        let folder = settings.state ?? StateFolder.standard(for: path)
        return "\(folder)/\(StateStore.Name.configuration.rawValue)"
    }
}
