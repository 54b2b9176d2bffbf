import Foundation

/// Words in the order in which threads said them.
///
/// `@unchecked Sendable`: used under the lock.
final class PhaseLog: @unchecked Sendable {
    private let lock = NSLock()
    private var words: [String] = []

    var all: [String] { lock.withLock { words } }

    func append(_ word: String) { lock.withLock { words.append(word) } }
}
