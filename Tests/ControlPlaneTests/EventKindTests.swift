// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ControlPlane

@Suite("Events of the control thread")
struct EventKindTests {
    @Test("no two sources have the same kind, and none has one of the probes or the services")
    func kinds() {
        let kinds: [UInt8] = [
            ControlThread.linkKind, ControlThread.signalKind, ControlThread.reportKind,
            ControlThread.noticeKind, ControlThread.fetchKind, ControlThread.updateKind,
            ControlThread.storeKind, ResolverDriver.eventKind, ParentDriver.eventKind,
            ExportDriver.eventKind, NotifyDriver.eventKind,
        ]
        #expect(Set(kinds).count == kinds.count)
        #expect(kinds.allSatisfy { !(48...63).contains($0) })
    }
}
