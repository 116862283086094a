// SPDX-License-Identifier: Apache-2.0

/// Why a text is no value of its option's type.
struct ValueFault: Error, Equatable {
    var code: DiagnosticCode
    var message: String
    var suggestion: String?

    init(_ code: DiagnosticCode, _ message: String, _ suggestion: String? = nil) {
        self.code = code
        self.message = message
        self.suggestion = suggestion
    }
}
