// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Testing

@Suite struct RecordSetCompilerTests {
    /// Compiles a set, places it behind a question, and decodes the message again.
    func message(
        question: String,
        owner: String,
        apex: String,
        _ values: [RecordValue],
        limit: Int = 4096
    ) throws -> (bytes: [UInt8], message: DNSMessage) {
        let name = try #require(DomainName(owner))
        let apexName = try #require(DomainName(apex))
        var compiler = RecordSetCompiler()
        let type = try #require(values.first).type
        compiler.begin(owner: name.wire, apexLength: apexName.wire.count, type: type, ttl: 300)
        for value in values {
            let fits = compiler.append(value.wire.span)
            #expect(fits)
        }
        let blob = compiler.references + compiler.wire
        let set = CompiledSet(
            offset: UInt32(compiler.references.count),
            length: UInt16(compiler.wire.count),
            count: UInt16(compiler.count),
            referenceCount: UInt8(compiler.references.count / 4)
        )
        let request = QueryBytes(question).bytes
        let query = DNSQuery.read(request.span)
        let ownerOffset = 12 + query.name.length - name.wire.count
        let apexOffset = 12 + query.name.length - apexName.wire.count
        let bytes = [UInt8](capacity: limit) { (output: inout OutputSpan<UInt8>) in
            var writer = ResponseWriter(
                answering: query,
                request.span,
                limit: limit,
                announcedSize: 1232,
                into: &output
            )
            let done = writer.place(
                set,
                of: blob.span,
                owner: ownerOffset,
                apex: apexOffset,
                section: .answer,
                into: &output
            )
            #expect(done)
            writer.finish(.noError, query: query, into: &output)
        }
        return (bytes, try #require(DNSMessage(bytes)))
    }

    @Test func `names are compressed against owner, apex and each other`() throws {
        let (bytes, message) = try message(
            question: "mail.example.com",
            owner: "mail.example.com",
            apex: "example.com",
            [
                .mx(preference: 10, exchange: try #require(DomainName("mail.example.com"))),
                .mx(preference: 20, exchange: try #require(DomainName("b.EXAMPLE.com"))),
                .mx(preference: 30, exchange: try #require(DomainName("c.example.net"))),
                .mx(preference: 40, exchange: try #require(DomainName("d.example.net"))),
            ]
        )
        #expect(
            message.answers.map { RecordText.data($0.type, $0.data.span) } == [
                "10 mail.example.com.", "20 b.EXAMPLE.com.", "30 c.example.net.",
                "40 d.example.net.",
            ]
        )
        #expect(message.answers.allSatisfy { $0.owner == DomainName("mail.example.com") })
        // Header, question, 4 × 12 fixed, 4 × 2 preference; the names take 2, 15, 15 and 4 octets: one
        // of another case keeps it.
        #expect(bytes.count == 12 + 22 + 48 + 8 + 2 + 15 + 15 + 4)
    }

    @Test func `an owner above the question's name is a pointer into it`() throws {
        let (_, message) = try message(
            question: "a.b.sub.example.com",
            owner: "sub.example.com",
            apex: "example.com",
            [
                .ns(try #require(DomainName("ns.sub.example.com"))),
                .ns(try #require(DomainName("ns.example.com"))),
            ]
        )
        #expect(
            message.answers.map(\.owner) == [
                DomainName("sub.example.com")!, DomainName("sub.example.com")!,
            ]
        )
        #expect(
            message.answers.map { RecordText.data($0.type, $0.data.span) } == [
                "ns.sub.example.com.", "ns.example.com.",
            ]
        )
    }

    @Test func `SRV and CAA names are never compressed`() throws {
        let target = try #require(DomainName("sip.example.com"))
        let (bytes, message) = try message(
            question: "_s.example.com",
            owner: "_s.example.com",
            apex: "example.com",
            [.srv(priority: 1, weight: 2, port: 3, target: target)]
        )
        #expect(message.answers.first?.data == [0, 1, 0, 2, 0, 3] + target.wire)
        #expect(bytes.suffix(target.wire.count) == target.wire[...])
    }

    @Test func `large sets stay decodable`() throws {
        let values = try (0..<1500).map { number in
            RecordValue.ns(try #require(DomainName("ns\(number).group\(number % 7).example.net")))
        }
        let (_, message) = try message(
            question: "example.com",
            owner: "example.com",
            apex: "example.com",
            values,
            limit: 65_535
        )
        #expect(message.answers.map(\.data) == values.map(\.wire))
    }

    @Test func `a set that would fit no message is refused`() {
        var compiler = RecordSetCompiler()
        compiler.begin(owner: [0], apexLength: 1, type: .TXT, ttl: 1)
        let text = RecordValue.txt(Array(repeating: Array(repeating: 97, count: 255), count: 200))
        let fits = [compiler.append(text.wire.span), compiler.append(text.wire.span)]
        #expect(fits == [true, false])
    }
}
