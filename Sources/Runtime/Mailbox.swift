import Foundation

/// A first-in first-out queue between two threads.
///
/// `@unchecked Sendable`: every access to `items` holds the condition's lock.
final class Mailbox<Item: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var items: [Item] = []

    /// Adds an item and wakes the thread that waits in `take`.
    func put(_ item: Item) {
        condition.withLock {
            items.append(item)
            condition.signal()
        }
    }

    /// Waits for the next item.
    func take() -> Item {
        condition.withLock {
            while items.isEmpty { condition.wait() }
            return items.removeFirst()
        }
    }

    /// All items there are, without waiting.
    func drain() -> [Item] {
        condition.withLock {
            defer { items.removeAll(keepingCapacity: true) }
            return items
        }
    }
}
