extension LossMethod {
    /// The inputs and the settings of every loss, as lines for a terminal.
    public static var help: [String] {
        let indent = 2 + (all.map(\.name.count).max() ?? 0) + 2
        var lines = ["METHOD and what it takes; N images, D dimensions, K keys or prototypes, * without gradient:"]
        for method in all {
            let name = "  " + method.name
            lines.append(name + String(repeating: " ", count: indent - name.count) + method.inputText)
            guard !method.settings.isEmpty else { continue }
            lines.append(
                String(repeating: " ", count: indent) + method.settings.map(\.text).joined(separator: " "))
        }
        return lines + [
            "Tensors hold floating-point numbers, before normalisation; the first two crops are the global ones.",
            "assignments are int64, from 0 to K - 1, or -100 for an image that is left out.",
            "Settings are shown with their defaults; of several words the first is the default.",
        ]
    }

    /// `q [N, D], k* [N, D], queue* [K, D]`; neighbours of one shape share it.
    private var inputText: String {
        var groups: [(names: String, shape: String)] = []
        for input in inputs {
            let name = input.role == .trained ? input.name : input.name + "*"
            if let last = groups.last, last.shape == input.shapeText {
                groups[groups.count - 1].names += " " + name
            } else {
                groups.append((name, input.shapeText))
            }
        }
        return groups.map { "\($0.names) \($0.shape)" }.joined(separator: ", ")
    }
}
