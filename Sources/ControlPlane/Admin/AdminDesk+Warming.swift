// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway

/// Lists of URLs that caches fetch.
extension AdminDesk {
    /// Begins to fetch a list.
    func warm(
        _ name: String,
        _ order: WarmOrder,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        _ = try AdminDesk.cache(name, view)
        guard view.listeners.contains(where: { $0.door == .http }) else {
            throw Problem(.doorMissing, "There is no HTTP listener.")
        }
        let warming = warmer.begin(
            order,
            cache: name,
            shared: view.shared.http,
            events: events,
            at: moment
        )
        guard let warming else {
            let text = "\(Warmer.runningLimit) lists are being fetched."
            throw Problem(.tooManyWarmings, text)
        }
        var response = AdminDesk.answer(warming.json)
        response.status = 202
        return response
    }

    /// All lists, or one.
    func warmings(_ number: UInt64?, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let number else {
            return AdminDesk.answer(["warmings": .array(warmer.all.map(\.json))])
        }
        guard let warming = warmer.all.first(where: { $0.number == number }) else {
            throw Problem(.unknownWarming, "Nothing is known of a warming \(number).")
        }
        return AdminDesk.answer(warming.json)
    }

    /// Ends one.
    func cancelWarming(_ number: UInt64, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let warming = warmer.cancel(number, view.shared.http) else {
            throw Problem(.unknownWarming, "Nothing is known of a warming \(number).")
        }
        return AdminDesk.answer(warming.json)
    }
}
