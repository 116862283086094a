// SPDX-License-Identifier: Apache-2.0
internal import CSQLite

/// A file of tables (SQLite) that is only changed by whole transactions.
///
/// A transaction is on the disk when it is committed: the log is written ahead (WAL) and synced
/// each time (`synchronous=FULL`). For one thread, and never a worker: it blocks.
@safe public final class Database {
    /// Why a call failed.
    public struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// SQLite's code.
        public let code: Int32
        /// What it says.
        public let message: String

        /// Joins the two; -1 is a code for reasons of the caller's own.
        public init(code: Int32, message: String) {
            self.code = code
            self.message = message
        }

        /// True when the file is no database, or a broken one: it will not get better.
        public var isDamage: Bool {
            [SQLITE_CORRUPT, SQLITE_NOTADB].contains(code & 0xff)
        }
        /// The message and the code.
        public var description: String { "\(message) (\(code))" }
    }

    /// A value of a column or a parameter.
    public enum Value: Sendable, Equatable {
        /// Nothing.
        case null
        /// A number.
        case integer(Int64)
        /// Octets; texts go as their octets.
        case blob([UInt8])

        /// The octets of a text.
        public static func text(_ text: String) -> Value { .blob(Array(text.utf8)) }
        /// The number; 0 for anything else.
        public var integer: Int64 { if case .integer(let value) = self { value } else { 0 } }
        /// The octets; none for anything else.
        public var bytes: [UInt8] { if case .blob(let value) = self { value } else { [] } }
        /// The octets as a text.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private let handle: OpaquePointer
    // Statements that have been prepared, by their text: all are texts of the program.
    private var statements: [String: OpaquePointer] = unsafe [:]

    /// Opens a file, or makes it.
    public init(_ path: String) throws(Fault) {
        unsafe handle = try Database.open(path, SQLITE_OPEN_CREATE)
        try run("PRAGMA journal_mode=WAL")
        try run("PRAGMA synchronous=FULL")
        try run("PRAGMA foreign_keys=ON")
        try run("PRAGMA wal_autocheckpoint=1000")
    }

    /// Opens a file for reading alone, without writing anything beside it.
    ///
    /// The index of the log is kept in memory, which needs a lock of the whole file: nobody else
    /// may have it open.
    public init(reading path: String) throws(Fault) {
        unsafe handle = try Database.open(path, 0)
        // Before the first look at the file, or it is too late.
        try run("PRAGMA locking_mode=EXCLUSIVE")
        try run("PRAGMA query_only=ON")
    }

    private static func open(_ path: String, _ flags: Int32) throws(Fault) -> OpaquePointer {
        var handle: OpaquePointer?
        let all = flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &handle, all, nil)
        guard code == SQLITE_OK, let opened = unsafe handle else {
            let fault = unsafe Database.fault(handle, code)
            unsafe sqlite3_close_v2(handle)
            throw fault
        }
        unsafe mt_sqlite_harden(opened)
        unsafe sqlite3_busy_timeout(opened, 5000)
        return unsafe opened
    }

    deinit {
        unsafe statements.values.forEach { unsafe _ = sqlite3_finalize($0) }
        unsafe sqlite3_close_v2(handle)
    }

    /// Runs a statement; its rows are of no interest.
    public func run(_ text: String, _ values: [Value] = []) throws(Fault) {
        try rows(text, values) { _ in true }
    }

    /// Runs a statement and hands on its rows, until `body` says false.
    public func rows(
        _ text: String,
        _ values: [Value] = [],
        _ body: ([Value]) -> Bool
    ) throws(Fault) {
        let statement = unsafe try prepared(text)
        defer {
            unsafe sqlite3_reset(statement)
            unsafe sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            unsafe try bind(value, Int32(clamping: index + 1), statement)
        }
        while true {
            let code = unsafe sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw unsafe Database.fault(handle, code) }
            let count = unsafe sqlite3_column_count(statement)
            let row = (0..<count).map { unsafe Database.column($0, of: statement) }
            guard body(row) else { return }
        }
    }

    /// Runs statements as one: all of them, or none.
    public func transaction(_ body: () throws(Fault) -> Void) throws(Fault) {
        try run("BEGIN IMMEDIATE")
        do throws(Fault) {
            try body()
            try run("COMMIT")
        } catch {
            try? run("ROLLBACK")
            throw error
        }
    }

    private func prepared(_ text: String) throws(Fault) -> OpaquePointer {
        if let known = unsafe statements[text] { return unsafe known }
        var statement: OpaquePointer?
        let code = unsafe sqlite3_prepare_v2(handle, text, -1, &statement, nil)
        guard code == SQLITE_OK, let made = unsafe statement else {
            throw unsafe Database.fault(handle, code)
        }
        unsafe statements[text] = made
        return unsafe made
    }

    private func bind(
        _ value: Value,
        _ place: Int32,
        _ statement: OpaquePointer
    ) throws(Fault) {
        let code =
            switch value {
            case .null: unsafe sqlite3_bind_null(statement, place)
            case .integer(let number): unsafe sqlite3_bind_int64(statement, place, number)
            case .blob(let bytes):
                unsafe mt_sqlite_bind(statement, place, bytes, Int64(bytes.count))
            }
        guard code == SQLITE_OK else { throw unsafe Database.fault(handle, code) }
    }

    private static func column(_ place: Int32, of statement: OpaquePointer) -> Value {
        switch unsafe sqlite3_column_type(statement, place) {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(statement, place))
        case SQLITE_NULL: return .null
        default:
            let count = unsafe Int(sqlite3_column_bytes(statement, place))
            guard count > 0, let start = unsafe sqlite3_column_blob(statement, place) else {
                return .blob([])
            }
            return .blob(unsafe Array(UnsafeRawBufferPointer(start: start, count: count)))
        }
    }

    private static func fault(_ handle: OpaquePointer?, _ code: Int32) -> Fault {
        let text = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) } ?? "unknown"
        let more = unsafe handle.flatMap { unsafe sqlite3_errmsg($0) }
            .map { unsafe String(cString: $0) }
        return Fault(code: code, message: more ?? text)
    }
}
