/// Events in the order of their time; those of the same time in the order of their scheduling.
public struct EventQueue<Event> {
    private struct Entry {
        var time: UInt64
        var number: UInt64
        var event: Event

        func precedes(_ other: Entry) -> Bool {
            (time, number) < (other.time, other.number)
        }
    }

    /// A binary heap, the earliest entry first.
    private var heap: [Entry] = []
    private var scheduled: UInt64 = 0

    /// A queue without events.
    public init() {}

    public var isEmpty: Bool { heap.isEmpty }

    /// O(log n).
    public mutating func schedule(_ event: Event, at time: UInt64) {
        heap.append(Entry(time: time, number: scheduled, event: event))
        scheduled += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest event, removed; nil if there is none. O(log n).
    public mutating func next() -> (time: UInt64, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown()
        }
        return (first.time, first.event)
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
