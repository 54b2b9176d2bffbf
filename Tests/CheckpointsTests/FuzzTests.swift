import Checkpoints
import Foundation
import Randomness
import Testing

@Suite("Damaged bytes")
struct FuzzTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// A change of a few bytes, a cut, or an insertion, at places drawn from `random`.
    private static func damage(_ bytes: [UInt8], _ random: inout Philox) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.remove(at: place)
            case 4: bytes.insert(Array("{}[]\",:0129-e\\u".utf8).randomElement(using: &random) ?? 0, at: place)
            default:
                let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
        return bytes
    }

    @Test("A damaged safetensors file throws or is still a valid one", arguments: 0..<4 as Range<UInt64>)
    func safeTensors(seed: UInt64) throws {
        var random = Philox(key: seed)
        var refused = 0
        for _ in 0..<2500 {
            let bytes = Self.damage(SafeTensorsTests.golden, &random)
            let path = try scratch.file("fuzz", bytes)
            do {
                for tensor in try SafeTensors.read(path).tensors {
                    #expect(tensor.specification.byteCount == tensor.bytes.count)
                }
            } catch let error as CheckpointError {
                #expect(error.path == path)
                refused += 1
            }
        }
        #expect(refused > 1500, "seed \(seed)")
    }

    @Test("A checkpoint with damaged bytes is never taken for a good one", arguments: 0..<4 as Range<UInt64>)
    func checkpoint(seed: UInt64) throws {
        var random = Philox(key: seed, stream: 1)
        let store = CheckpointStore(directory: scratch.path)
        let saved = try store.save(.sample(step: 3, seed: 3), keep: 0).path
        let files = try FileManager.default.contentsOfDirectory(atPath: saved).sorted()
        for _ in 0..<150 {
            let file = "\(saved)/\(files.randomElement(using: &random) ?? "")"
            let good = try Scratch.bytes(of: file)
            let bad = Self.damage(good, &random)
            guard bad != good else { continue }
            try Data(bad).write(to: URL(fileURLWithPath: file))
            let error = #expect(throws: CheckpointError.self, "seed \(seed)") { try CheckpointStore.open(saved) }
            #expect(error?.path == file)
            try Data(good).write(to: URL(fileURLWithPath: file))
        }
        #expect(try CheckpointStore.contents(of: saved) == .sample(step: 3, seed: 3))
    }

    @Test("A flipped bit in any byte of a manifest is noticed")
    func manifestBits() throws {
        let store = CheckpointStore(directory: scratch.path)
        let manifest = try store.save(.sample(step: 1, seed: 1), keep: 0).path + "/manifest.json"
        for byte in 0..<(try Scratch.bytes(of: manifest).count) {
            let bit = byte * 8 + byte % 8
            try Scratch.flipBit(bit, of: manifest)
            #expect(throws: CheckpointError.self, "bit \(bit)") { try store.latest() }
            try Scratch.flipBit(bit, of: manifest)
        }
        #expect(try store.latest().location?.step == 1)
    }
}
