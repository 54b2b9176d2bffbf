import Checkpoints
import Foundation

/// A rank's events as JSON objects of the Trace Event Format, which Perfetto and Chrome read: process = rank, thread =
/// lane, times in microseconds of the trace's clock.
struct TraceText {
    private let membership: TraceRecorder.Membership
    private var bytes: [UInt8] = []

    /// - Returns: objects with commas between them.
    static func render(
        _ records: [TraceLane.Record], of membership: TraceRecorder.Membership, dropped: Int, limit: Int
    ) -> [UInt8] {
        var text = TraceText(membership: membership)
        text.bytes.reserveCapacity(512 + records.reduce(0) { $0 + $1.events.count } * 144)
        text.appendProcess(dropped: dropped, limit: limit)
        for (index, record) in records.enumerated() {
            text.append(record, lane: index + 1)
        }
        return text.bytes
    }

    private init(membership: TraceRecorder.Membership) {
        self.membership = membership
    }

    /// Who the rank is, and how well its clock is known.
    private mutating func appendProcess(dropped: Int, limit: Int) {
        let host = ProcessInfo.processInfo.hostName
        let pid = ProcessInfo.processInfo.processIdentifier
        let name = JSONText.quoted("rank \(membership.rank) (\(host), pid \(pid))")
        appendMetadata("process_name", lane: 0, #"{"name":\#(name)}"#)
        appendMetadata("process_sort_index", lane: 0, #"{"sort_index":\#(membership.rank)}"#)
        let clock = membership.clock
        let error = Double(clock.error) / 1000
        var labels = "generation \(membership.generation), clock known to \(error) µs"
        if dropped > 0 { labels += ", \(dropped) events dropped past \(limit)" }
        appendMetadata(
            "process_labels", lane: 0,
            """
            {"labels":\(JSONText.quoted(labels)),"generation":\(membership.generation),"ranks":\(membership.size),\
            "hosts":\(membership.hosts),"clock_offset_ns":\(clock.offset),"clock_error_ns":\(clock.error),\
            "dropped_events":\(dropped)}
            """)
    }

    private mutating func append(_ record: TraceLane.Record, lane: Int) {
        appendMetadata("thread_name", lane: lane, #"{"name":\#(JSONText.quoted(record.name))}"#)
        let names = record.names.map { Array(JSONText.quoted($0).utf8) }
        let place = Array(#","pid":\#(membership.rank),"tid":\#(lane),"args":{"step":"#.utf8)
        for index in 0..<record.events.count {
            let event = record.events[index]
            append(",\n{\"name\":")
            bytes += names[Int(event.name)]
            switch event.kind {
            case .phase: append(#","cat":"phase""#)
            case .collective: append(#","cat":"collective""#)
            case .spareWork: append(#","cat":"spare work""#)
            }
            append(#","ph":"X","ts":"#)
            appendMicroseconds(event.start &+ membership.clock.offset)
            append(#","dur":"#)
            appendMicroseconds(max(0, event.duration))
            bytes += place
            appendNumber(Int64(event.step))
            if event.kind == .collective {
                append(#","bytes":"#)
                appendNumber(Int64(event.bytes))
            }
            if event.detail != 0 {
                append(#","algorithm":"#)
                bytes += names[Int(event.detail)]
            }
            append("}}")
        }
    }

    private mutating func appendMetadata(_ name: StaticString, lane: Int, _ arguments: String) {
        if !bytes.isEmpty { append(",\n") }
        append(#"{"name":"\#(name)","ph":"M","pid":\#(membership.rank),"tid":\#(lane),"args":\#(arguments)}"#)
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }

    /// Nanoseconds as microseconds with all their digits.
    private mutating func appendMicroseconds(_ nanoseconds: Int64) {
        if nanoseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        let (whole, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        appendNumber(Int64(whole))
        bytes.append(UInt8(ascii: "."))
        for divisor in [100, 10, 1] as [UInt64] { bytes.append(UInt8(ascii: "0") + UInt8(rest / divisor % 10)) }
    }

    private mutating func appendNumber(_ number: Int64) {
        append(String(number))
    }
}
