// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension HashKey: CustomStringConvertible {
    /// As the file has it: `header:x-user`.
    public var description: String {
        switch self {
        case .sourceIP: "source-ip"
        case .uri: "uri"
        case .header(let name): "header:\(name)"
        case .cookie(let name): "cookie:\(name)"
        case .query(let name): "query:\(name)"
        }
    }
}

extension HostPattern: CustomStringConvertible {
    /// As the file has it: `*`, `www.example.com` or `*.example.com`.
    public var description: String {
        switch self {
        case .any: "*"
        case .exact(let name): name
        case .wildcard(let name): "*.\(name)"
        }
    }
}

extension PathPattern: CustomStringConvertible {
    /// As the file has it: `/api/`, `=/api` or `~ ^/a`.
    public var description: String {
        switch self {
        case .exact(let path): "=\(path)"
        case .prefix(let path): path
        case .expression(let pattern): "~ \(pattern)"
        }
    }
}

extension LogOutput: CustomStringConvertible {
    /// As the file has it: `off`, `stderr`, `stdout` or a path.
    public var description: String {
        switch self {
        case .off: "off"
        case .stderr: "stderr"
        case .stdout: "stdout"
        case .file(let path): path
        }
    }
}

extension RecordData: CustomStringConvertible {
    /// The data in the field order of RFC 1035.
    public var description: String {
        switch self {
        case .a(let address), .aaaa(let address): address.description
        case .cname(let name), .alias(let name), .ns(let name), .ptr(let name): name
        case .mx(let preference, let exchange): "\(preference) \(exchange)"
        case .txt(let strings): strings.joined()
        case .srv(let priority, let weight, let port, let target):
            "\(priority) \(weight) \(port) \(target)"
        case .caa(let flags, let tag, let value): "\(flags) \(tag) \"\(value)\""
        case .https(let service), .svcb(let service):
            "\(service.priority) \(service.target)"
                + (service.parameters.isEmpty ? "" : " \(service.parameters)")
        }
    }
}
