// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension AdminDesk {
    /// Says where a request would go.
    func explain(
        _ sketch: RequestSketch,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        throw Problem(.doorMissing, "There is no HTTP listener.")
    }

    /// Says what a query would get.
    func explain(
        _ sketch: QuerySketch,
        _ view: ControlView,
        at moment: Moment
    ) throws(Problem) -> ServiceResponse {
        throw Problem(.doorMissing, "There is no DNS listener.")
    }
}
