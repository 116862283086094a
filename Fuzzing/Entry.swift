// SPDX-License-Identifier: Apache-2.0

/// Where libFuzzer comes in; each target beside this file brings its own `examine`.
///
/// `examine` reads the bytes as Martlet would and traps on a broken promise, which libFuzzer
/// reports with the input that did it.
@_cdecl("LLVMFuzzerTestOneInput")
public func entry(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: data, count: size))
    examine(bytes)
    return 0
}

/// A promise of the code under test: traps with the words when it is broken.
func promise(_ condition: Bool, _ words: String) {
    if !condition { fatalError("broken: \(words)") }
}
