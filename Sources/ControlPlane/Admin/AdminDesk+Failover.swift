// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials

extension AdminDesk {
    /// Says how long the failover of steered names takes by the configuration in force.
    func failoverTime(_ name: String?, _ view: ControlView) throws(Problem) -> ServiceResponse {
        let report = FailoverReport(view.settings, name: name)
        if let name, report.names.isEmpty {
            throw Problem(.invalidValue, "There is no steered name '\(name)'.")
        }
        var json = JSONWriter()
        json.write(report.json)
        return .json(json)
    }
}
