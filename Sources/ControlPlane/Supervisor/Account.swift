// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// Whom the serving process becomes when root has started the supervisor.
struct Account: Sendable, Equatable {
    var name: String
    var user: UInt32
    var group: UInt32

    /// Gives log files to this account, made where missing: the folder may be root's alone.
    ///
    /// What cannot be done here is told by the log itself, once it tries to write.
    func prepareLogs(_ paths: [String]) {
        for path in paths { try? HandedFile(user: user, group: group).make(path) }
    }

    /// The account of this name, else `nobody`; nil when there is nothing to give up.
    static func forServing(_ name: String) throws(ReloadProblem) -> Account? {
        guard ProcessControl.effectiveUser == 0 else { return nil }
        for candidate in [name, "nobody"] {
            if let found = ProcessControl.account(candidate), found.user != 0 {
                return Account(name: candidate, user: found.user, group: found.group)
            }
        }
        let message = "there is neither a user '\(name)' nor 'nobody' to run as"
        throw ReloadProblem.start("M3105", message, "create the user, or set 'user' to another one")
    }
}

extension ReloadProblem {
    /// A start that failed: code, cause and remedy.
    static func start(_ code: String, _ message: String, _ remedy: String) -> ReloadProblem {
        ReloadProblem(
            code: code,
            text: "\(code): \(message). \(remedy.prefix(1).uppercased())\(remedy.dropFirst()).",
            json: [
                "code": .string(code), "message": .string(message), "remedy": .string(remedy),
            ]
        )
    }

    /// What to know about the other problems, and to do if it is of use; it is no error.
    static func notice(_ code: String, _ message: String, _ remedy: String) -> ReloadProblem {
        var notice = start(code, message, remedy)
        notice.isNotice = true
        notice.json = [
            "code": .string(code), "severity": "notice", "message": .string(message),
            "remedy": .string(remedy),
        ]
        return notice
    }
}
