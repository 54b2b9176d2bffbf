import Checkpoints
import Testing

@Suite("The digest of parameters")
struct ParameterDigestTests {
    private func record(_ name: String, _ values: [Float]) -> TensorRecord {
        TensorRecord(name: name, shape: [values.count], floats: values)
    }

    /// From Python's `hashlib.blake2b(text, digest_size=32)`.
    @Test func isBLAKE2b() {
        #expect(Digest.hex(of: "") == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8")
        #expect(Digest.hex(of: "abc") == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }

    /// From `hashlib.blake2b` over the bytes that the documentation of `ParameterDigest` lists.
    @Test func isAsDocumented() throws {
        let groups = ["backbone": [record("b", [1, -2])], "heads": [record("a", [0.5])]]
        #expect(ParameterDigest.hex(of: groups) == "b875603e71ab1de4187bc4006146813672be32ccdddc65634c5d846af4fe1a43")
    }

    @Test func doesNotDependOnOrderOrOtherGroups() throws {
        let (a, b) = (record("a", [1, 2]), record("b", [3]))
        let digest = ParameterDigest.hex(of: ["backbone": [a, b], "heads": []])
        #expect(digest == ParameterDigest.hex(of: ["backbone": [b, a]]))
        #expect(digest == ParameterDigest.hex(of: ["backbone": [b, a], "state": [a]]))
        #expect(digest != ParameterDigest.hex(of: ["backbone": [b, a], "state": [a]], groups: nil))
    }

    @Test func dependsOnEveryNameTypeShapeAndByte() throws {
        let base = record("a", [1, 2])
        var digests: Set<String> = [ParameterDigest.hex(of: ["backbone": [base]])]
        let others = [
            record("b", [1, 2]), record("a", [1, 2.0000002]),
            TensorRecord(name: "a", type: .float32, shape: [1, 2], bytes: base.bytes),
            TensorRecord(name: "a", type: .int32, shape: [2], bytes: base.bytes),
            record("a", [1, 2, 3]), record("a", []),
        ]
        for other in others { digests.insert(ParameterDigest.hex(of: ["backbone": [other]])) }
        digests.insert(ParameterDigest.hex(of: ["heads": [base]]))
        digests.insert(ParameterDigest.hex(of: [:]))
        #expect(digests.count == others.count + 3)
    }
}
