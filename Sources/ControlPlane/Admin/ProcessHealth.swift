// SPDX-License-Identifier: Apache-2.0

/// Martlet's own health for those who start and watch it: `/readyz` and `/startupz`.
///
/// `/readyz` turns false before the listeners close, so that whoever stands in front of Martlet
/// can look elsewhere first.
enum ProcessHealth {
    static func ready(_ view: ControlView) -> ServiceResponse {
        let closed = view.listeners.filter { !$0.isOpen }
        let isReady = view.readiness == .ready && closed.isEmpty && !view.hasLostZones
        var lines = [reason(view.readiness)]
        if view.hasLostZones {
            lines.append("the store of zones cannot be read: see the log, then restart")
        }
        for listener in view.listeners {
            let state = listener.isOpen ? "open" : "not open"
            lines.append("\(listener.door.rawValue) \(listener.address): \(state)")
        }
        return answer(isReady, lines)
    }

    static func started(_ view: ControlView) -> ServiceResponse {
        if case .starting = view.readiness { return answer(false, [reason(view.readiness)]) }
        return answer(true, ["the doors have begun to serve"])
    }

    private static func reason(_ readiness: Readiness) -> String {
        switch readiness {
        case .ready: "the doors serve"
        case .stopping: "the process finishes what it has and ends"
        case .starting(let pending): "waiting for the first verdict of \(pending) endpoints"
        }
    }

    private static func answer(_ isGood: Bool, _ lines: [String]) -> ServiceResponse {
        let text = (isGood ? "ok" : "not ok") + "\n" + lines.map { "- \($0)\n" }.joined()
        return .text(text, status: isGood ? 200 : 503)
    }
}
