// SPDX-License-Identifier: Apache-2.0

extension AdminQuestion {
    /// Reads what is asked of the content of caches.
    static func readCaching(
        _ target: AdminRoute.Target,
        _ values: [String],
        _ parameters: Parameters,
        _ request: ServiceRequest
    ) throws(Problem) -> AdminQuestion {
        let name = values.first ?? ""
        switch target {
        case .push: return .push(cache: name, try PushOrder(parameters, request))
        case .pushed: return .pushed(cache: name, try CachePage(parameters))
        case .unpush:
            try parameters.check(known: ["url"])
            return .unpush(cache: name, url: try parameters.required("url"))
        case .top: return .top(cache: name, try RankingSketch(parameters))
        case .statistics:
            try parameters.check(known: [])
            return .cacheStatistics(cache: name)
        case .warm: return .warm(cache: name, try WarmOrder(request))
        case .warming: return .warmings(try number(name))
        case .cancelWarming: return .cancelWarming(try number(name))
        case .warmings: return .warmings(nil)
        default: return .cacheStatistics(cache: nil)
        }
    }

    private static func number(_ text: String) throws(Problem) -> UInt64 {
        guard let number = UInt64(text) else {
            throw Problem(.unknownWarming, "'\(text)' is no number of a warming.")
        }
        return number
    }
}
