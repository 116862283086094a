// SPDX-License-Identifier: Apache-2.0

extension AdminDesk {
    /// Answers what is asked of the content of caches.
    func answerCaching(
        _ question: AdminQuestion,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        switch question {
        case .push(let cache, let order): return try push(cache, order, view, at: moment)
        case .pushed(let cache, let page): return try pushed(cache, page, view, at: moment)
        case .unpush(let cache, let url): return try unpush(cache, url, view, at: moment)
        case .top(let cache, let sketch): return try top(cache, sketch, view, at: moment)
        case .cacheStatistics(let cache): return try cacheStatistics(cache, view)
        case .warm(let cache, let order): return try warm(cache, order, view, at: moment)
        case .warmings(let number): return try warmings(number, view)
        case .cancelWarming(let number): return try cancelWarming(number, view)
        default: throw Problem(.notFound, "There is no such question about caches.")
        }
    }
}
