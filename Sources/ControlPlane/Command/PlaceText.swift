// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Renders for the terminal where a client is, and how far from there to everywhere.
enum PlaceText {
    /// One line on the client's place; empty when no policy asks for it.
    static func client(_ place: JSONValue?) -> String {
        guard let place, !place.isNull else { return "" }
        func source(_ name: String) -> String { place[name]?.string.map { " (\($0))" } ?? "" }
        var parts: [String] = []
        let names = ["country", "subdivision", "city"].compactMap { place[$0]?.string }
        if !names.isEmpty {
            parts.append(names.joined(separator: ", ") + source("source"))
        } else if let continent = place["continent"]?.string {
            parts.append("continent \(continent)" + source("source"))
        }
        if let latitude = place["latitude"]?.number, let longitude = place["longitude"]?.number {
            let isMiddle = place["pointSource"]?.string == "built-in"
            let what = isMiddle ? "middle of the country " : ""
            parts.append("\(what)\(latitude), \(longitude)" + source("pointSource"))
        }
        if let system = place["asn"]?.integer { parts.append("AS\(system)" + source("asnSource")) }
        let told = parts.isEmpty ? "nothing tells where it is" : parts.joined(separator: "; ")
        let address = place["address"]?.string ?? "?"
        let network = place["network"]?.string.map { " in \($0)" } ?? ""
        return "client   \(address)\(network): \(told)\n"
    }

    /// A line for each branch of a node that goes by distance, beneath it.
    static func distances(_ step: JSONValue, pad: String) -> String {
        (step["distances"]?.elements ?? []).map { target in
            let name = target["name"]?.string ?? "?"
            // Without the client's place there is nothing to say.
            guard let distance = target["kilometres"]?.number else { return "" }
            var text = "         \(pad)  \(name) is \(distance) km away"
            if target["bias"]?.integer != 0, let counted = target["countsAsKilometres"]?.number {
                text += ", which counts as \(counted) km by its bias"
            }
            return text + "\n"
        }.joined()
    }
}
