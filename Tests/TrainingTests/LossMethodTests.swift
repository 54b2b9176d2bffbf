import Contrastive
import Testing
import Torch
import Training

/// What `murmur loss` says of inputs and settings that do not fit.
@Suite struct LossMethodTests {
    /// The message of the one line that `body` throws.
    private func message<Value>(_ body: () throws -> Value) -> String {
        do {
            _ = try body()
            return "nothing was thrown"
        } catch {
            return "\(error)"
        }
    }

    private func check(_ name: String, _ change: (inout [String: Tensor]) throws -> Void) throws -> String {
        let method = try LossMethod.named(name)
        var inputs = try LossesAcrossWorkersTests.inputs(of: method, seed: 1)
        try change(&inputs)
        return message { try method.checked(inputs) }
    }

    @Test func inputsThatDoNotFitAreNamed() throws {
        let cases: [(method: String, input: String, tensor: Tensor?, words: [String])] = [
            ("moco", "queue", nil, ["'queue' is missing", "queue [K, D]"]),
            ("moco", "queue", try Tensor.zeros([7, 4]), ["[7, 4]", "[K, D]", "D = 5"]),
            ("moco", "k", try Tensor.zeros([10, 5]), ["'k'", "N = 11"]),
            ("moco", "k", try Tensor.zeros([11]), ["'k'", "[11]", "[N, D]"]),
            ("moco", "queue", try Tensor.zeros([0, 5]), ["'queue'", "K at least 1"]),
            ("swav", "z", try Tensor.zeros([1, 11, 5]), ["'z'", "crops at least 2"]),
            ("swav", "z", try Tensor.zeros([11, 5]), ["'z'", "[crops, N, D]"]),
            ("vicreg", "z1", try Tensor.zeros([1, 5]), ["'z1'", "N at least 2"]),
            ("simclr", "z1", try Tensor.zeros([11, 5], .int64), ["'z1'", "int64", "floating-point"]),
            ("simclr", "z1", try Tensor.zeros([0, 5]), ["'z1'", "N at least 1"]),
            ("simclr", "z2", try Tensor.full([11, 5], .nan), ["'z2'", "not finite"]),
            ("simclr", "z2", try Tensor.full([11, 5], .infinity), ["'z2'", "not finite"]),
            ("deepclusterv2", "assignments", try Tensor.zeros([11], .float32), ["'assignments'", "int64"]),
            ("deepclusterv2", "assignments", try Tensor.zeros([10], .int64), ["'assignments'", "N = 11"]),
            ("deepclusterv2", "assignments", try Tensor.full([11], 7, .int64), ["has 7", "0 to 6", "-100"]),
            ("deepclusterv2", "assignments", try Tensor.full([11], -1, .int64), ["has -1"]),
        ]
        for (method, input, tensor, words) in cases {
            let text = try check(method) { $0[input] = tensor }
            #expect(words.allSatisfy { text.contains($0) } && text.contains(method) && !text.contains("\n"), "\(text)")
        }
    }

    @Test func settingsThatDoNotFitAreNamed() throws {
        let cases: [(method: String, word: String, words: [String])] = [
            ("simclr", "margin=1", ["simclr", "margin", "temperature"]),
            ("byol", "temperature=1", ["byol", "none"]),
            ("simclr", "temperature=0", ["temperature", "above 0", "'0'"]),
            ("simclr", "temperature=nan", ["above 0"]), ("simclr", "temperature=", ["above 0"]),
            ("simclr", "temperature=warm", ["'warm'"]), ("simclr", "temperature", ["name=value"]),
            ("triplet", "margin=-1", ["margin", "at least 0"]),
            ("triplet", "distance=manhattan", ["euclidean, squared, cosine"]),
            ("triplet", "mining=soft", ["all, hard, semihard"]),
            ("swav", "rounds=0", ["whole number"]), ("swav", "rounds=2.5", ["whole number"]),
            ("barlowtwins", "lambda=inf", ["at least 0"]),
        ]
        for (name, word, words) in cases {
            let method = try LossMethod.named(name)
            let text = message { try method.settings(from: [word]) }
            #expect(words.allSatisfy { text.contains($0) } && !text.contains("\n"), "\(word): \(text)")
        }
        #expect(message { try LossMethod.named("simclrr") }.contains("simclr, triplet, moco"))
    }

    @Test func theHelpNamesEveryMethodItsTensorsAndItsSettings() {
        let help = LossMethod.help.joined(separator: "\n")
        for method in LossMethod.all {
            #expect(help.contains("\n  \(method.name) "))
            for name in method.inputs.map(\.name) + method.settings.map(\.name) { #expect(help.contains(name)) }
        }
    }
}
