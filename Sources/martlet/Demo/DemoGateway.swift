// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Runtime

/// Martlet itself inside a demonstration: `demo-gateway FOLDER`.
///
/// The same as `martlet run`, except that it does not outlive the demonstration and that Ctrl-C in
/// the terminal does not reach it: the demonstration ends the traffic first.
enum DemoGateway {
    static func run(arguments: [String]) -> Int32 {
        guard arguments.count == 1 else { return 2 }
        ProcessControl.dieWithParent(signal: DemoSignal.terminate)
        ProcessControl.leaveProcessGroup()
        return Supervisor.run(configuration: "\(arguments[0])/martlet.yaml")
    }
}
