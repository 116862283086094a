// SPDX-License-Identifier: Apache-2.0
// modules: Essentials Steering
import Essentials
import Steering

/// A file of measurements: what is taken lies within its bounds, and written anew it is the same;
/// what is not is told of by a line that is there.
func examine(_ bytes: [UInt8]) {
    let reader = RTTReader(bytes)
    promise(reader.rows.count == reader.lines.count, "each row has its line")
    promise(reader.faults.count <= RTTReader.faultLimit, "faults are bounded")
    let lines = bytes.count { $0 == 0x0a } + 1
    for fault in reader.faults {
        promise((1...lines).contains(fault.line) && fault.column > 0, "a fault is somewhere")
        promise(!fault.message.isEmpty, "a fault is told of")
    }
    promise(zip(reader.lines, reader.lines.dropFirst()).allSatisfy { $0 < $1 }, "lines in order")
    var text: [UInt8] = []
    for row in reader.rows {
        promise((0...RTTMeasurement.longest).contains(row.milliseconds), "a round trip is bounded")
        promise(GeoRegion(measured: row.place.measuredText) == row.place, "a place has one text")
        text += Array((row.json.text() + "\n").utf8)
    }
    let again = RTTReader(text)
    promise(again.faults.isEmpty, "what was read can be written")
    promise(again.rows == reader.rows, "what was written is what was read")
}
