// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// What a route and its pool do beside choosing: the version that endpoints are asked by, the coding
/// of the answer, and the fields that are changed in it.
extension GatewaySnapshot {
    /// How the endpoints of a pool are spoken with.
    func protocolText(pool number: Int, _ head: RequestHead) -> String {
        let pool = pools[number]
        let isSecure = plan.poolPlans[number].security != nil
        var text: String
        switch pool.version {
        case .http1: text = isSecure ? "HTTP/1.1 by TLS" : "HTTP/1.1 on plain TCP"
        case .http2:
            text =
                isSecure
                ? "HTTP/2 by TLS, and nothing else" : "HTTP/2 by prior knowledge on plain TCP"
        case .auto where head.wantsUpgrade: text = "HTTP/1.1 by TLS, as an upgrade needs it"
        case .auto: text = "HTTP/2 or HTTP/1.1 by TLS, as ALPN chooses"
        }
        switch pool.proxyHeader {
        case .v1?: text += ", a PROXY header of version 1 in front"
        case .v2?: text += ", a PROXY header of version 2 in front"
        case nil: break
        }
        return text
    }

    /// Which coding the answer would get, if its endpoint sends something worth it.
    func compressionText(
        route: Int,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> String {
        guard let compress = plan.routes[route].compress, routes[route].compress >= 0 else {
            return "none: the route compresses nothing"
        }
        let rule = actions.compressions[Int(routes[route].compress)]
        guard let coding = AcceptedCoding.choose(rule.codings, fields, bytes) else {
            let offered = compress.codings.map { "\($0.word)" }.joined(separator: ", ")
            return "none: the client takes none of \(offered)"
        }
        let types = compress.types.prefix(4).joined(separator: ", ")
        let others = compress.types.count - 4
        return "\(coding.word) for \(types)\(others > 0 ? " and \(others) more types" : "")"
            + ", from \(compress.leastSize) bytes on"
    }

    /// What is done with the fields of the answer, in the order in which it is done.
    func answerFields(route: Int, isTLS: Bool) -> [String] {
        plan.routes[route].responseFields.map { edit in
            let value = edit.value.text
            let text =
                switch edit.kind {
                case .set: "set \(edit.name): \(value)"
                case .add: "add \(edit.name): \(value)"
                case .supply: "\(edit.name): \(value), unless the endpoint sends one"
                case .remove: "remove \(edit.name)"
                }
            return edit.isSecureOnly && !isTLS ? "\(text) (by TLS alone, so not here)" : text
        }
    }
}

extension TextTemplate {
    /// The template as it is written.
    fileprivate var text: String {
        parts.map { part in
            switch part {
            case .text(let literal): literal
            case .variable(let variable): "{\(variable.rawValue)}"
            case .parameter(let name): "{\(name)}"
            }
        }.joined()
    }
}
