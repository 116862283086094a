// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol DNSProtocol Steering Runtime Prober
import Essentials
import HTTPProtocol
import Steering

@testable import Prober

/// What calls of gRPC say, read in two ways; and the message of a health check, which never passes
/// but by the number 1 in its first field.
func examine(_ bytes: [UInt8]) {
    examineFields(bytes)
    examineCheck(bytes)
}

private func examineFields(_ bytes: [UInt8]) {
    let text = String(validating: bytes, as: UTF8.self)
    let isNumber = !bytes.isEmpty && bytes.allSatisfy { (0x30...0x39).contains($0) }
    let number = isNumber && bytes.count <= 2 ? text.flatMap { UInt8($0) } : nil
    promise(
        GRPC.code(bytes.span) == number.flatMap { $0 <= 16 ? $0 : nil },
        "a status is read in two ways"
    )
    promise(
        GRPC.isStatusName(bytes.span) == (text?.lowercased() == "grpc-status"),
        "a name is compared in two ways"
    )
    let lower = text?.lowercased() ?? ""
    let isCall = ["application/grpc+", "application/grpc;"].contains { lower.hasPrefix($0) }
    if bytes.allSatisfy({ $0 < 0x80 }) {
        let isType = GRPC.isContentType(bytes.span)
        promise(isType == (isCall || lower == "application/grpc"), "a type is read in two ways")
    }
    guard let time = GRPC.timeout(bytes.span) else { return }
    promise(time.nanoseconds >= 0, "a time is not before now")
    promise((2...9).contains(bytes.count), "a time is short")
}

private func examineCheck(_ bytes: [UInt8]) {
    for head in [Int?.none, 0, 5] {
        for trailer in [Int?.none, 0, 5] {
            var check = GRPCCheck()
            promise(check.take(.head(status: 200, code: head)) == nil, "a head is no outcome")
            if check.take(.content(bytes)) != nil {
                promise(bytes.count > 4_096, "what is short is read")
                continue
            }
            guard let outcome = check.take(.trailers(code: trailer)) else {
                return promise(false, "trailers are the end")
            }
            let isGood = (trailer ?? head) == 0 && GRPCCheck.serving(bytes) == 1
            promise((outcome == .success) == isGood, "only what serves passes")
        }
    }
}
