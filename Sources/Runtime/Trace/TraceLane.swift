import Collectives
import Synchronization

/// What one thread of a rank does: its phases and the collectives of its communicator, in the order they began.
///
/// One thread records; any may take what was recorded. An event costs a lock that nobody contends for.
package final class TraceLane: CollectiveObserver, Sendable {
    /// What was recorded, every event with its end.
    struct Record {
        let name: String
        let names: [String]
        let events: TraceEventLog
    }

    private struct State {
        var events = TraceEventLog()
        /// By index: names and details; the first is none.
        var names = [""]
        /// The phase under way; nil where there is none or it had no room.
        var phase: Int?
        /// The collectives under way, and work in their waits, the innermost last; nil for what had no room.
        var open: [Int?] = []

        mutating func index(of name: String) -> UInt16 {
            if let index = names.firstIndex(of: name) { return UInt16(index) }
            guard names.count < Int(UInt16.max) else { return 0 }
            names.append(name)
            return UInt16(names.count - 1)
        }

        mutating func end(_ event: Int?, at now: Int64) {
            guard let event else { return }
            events[event].duration = now - events[event].start
        }
    }

    let name: String
    private let room: TraceRoom
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    init(_ name: String, room: TraceRoom, now: @escaping @Sendable () -> Int64) {
        self.name = name
        self.room = room
        self.now = now
    }

    /// Ends the phase under way and begins another.
    package func entered(_ phase: String, step: Int) {
        state.withLock { state in
            let time = now()
            state.end(state.phase, at: time)
            state.phase = add(.phase, phase, bytes: 0, step, at: time, &state)
        }
    }

    package func began(_ collective: String, bytes: Int) {
        state.withLock { state in
            state.open.append(add(.collective, collective, bytes: bytes, room.step, at: now(), &state))
        }
    }

    package func beganSpareWork() {
        state.withLock { state in
            state.open.append(add(.spareWork, "meanwhile", bytes: 0, room.step, at: now(), &state))
        }
    }

    package func proceeds(by algorithm: String) {
        state.withLock { state in
            guard let innermost = state.open.last, let event = innermost else { return }
            let before = state.names[Int(state.events[event].detail)]
            guard before != algorithm, !before.hasSuffix(" + " + algorithm) else { return }
            state.events[event].detail = state.index(of: before.isEmpty ? algorithm : "\(before) + \(algorithm)")
        }
    }

    package func ended() {
        state.withLock { state in
            if let event = state.open.popLast() { state.end(event, at: now()) }
        }
    }

    private func add(
        _ kind: TraceEvent.Kind, _ name: String, bytes: Int, _ step: Int, at now: Int64, _ state: inout State
    ) -> Int? {
        guard room.take() else { return nil }
        return state.events.append(
            TraceEvent(
                start: now, duration: -1, bytes: bytes, step: Int32(clamping: step), name: state.index(of: name),
                detail: 0, kind: kind))
    }

    /// Takes the events out. The phase under way ends here; a collective under way is marked as unfinished.
    func take() -> Record {
        state.withLock { state in
            let time = now()
            for event in state.open {
                state.end(event, at: time)
                if let event { state.events[event].detail = state.index(of: "unfinished") }
            }
            state.end(state.phase, at: time)
            defer { state = State() }
            return Record(name: name, names: state.names, events: state.events)
        }
    }
}

/// What the lanes of a rank share: the step under way, and how many events may still be recorded.
final class TraceRoom: Sendable {
    let limit: Int
    private let taken = Atomic<Int>(0)
    private let currentStep = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    var step: Int {
        get { currentStep.load(ordering: .relaxed) }
        set { currentStep.store(newValue, ordering: .relaxed) }
    }

    /// Events that found no room.
    var dropped: Int { max(0, taken.load(ordering: .relaxed) - limit) }

    func take() -> Bool { taken.add(1, ordering: .relaxed).oldValue < limit }

    func reset() { taken.store(0, ordering: .relaxed) }
}
