// SPDX-License-Identifier: Apache-2.0

/// Signal numbers of Linux on the machines that Martlet runs on (x86-64 and arm64 agree).
enum Signal {
    static let hangUp: Int32 = 1
    static let interrupt: Int32 = 2
    static let quit: Int32 = 3
    static let kill: Int32 = 9
    static let user1: Int32 = 10
    static let user2: Int32 = 12
    static let terminate: Int32 = 15
    static let child: Int32 = 17

    /// What `martlet run` reacts to.
    static let watched = [hangUp, interrupt, quit, user1, user2, terminate, child]

    static func name(_ signal: Int32) -> String {
        let names: [Int32: String] = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
            7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM",
            24: "SIGXCPU", 31: "SIGSYS",
        ]
        return names[signal] ?? "signal \(signal)"
    }
}
