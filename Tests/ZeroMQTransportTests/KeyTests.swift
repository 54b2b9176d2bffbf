import Foundation
import Testing
import ZeroMQTransport

@Suite struct KeyTests {
    @Test func textAndBytesAreTheSameKey() throws {
        let keys = try CurveKeyPair.generate()
        #expect(keys.publicKey.z85.utf8.count == 40)
        #expect(try CurvePublicKey(z85: keys.publicKey.z85) == keys.publicKey)
        #expect(try CurvePublicKey(bytes: keys.publicKey.bytes) == keys.publicKey)
        #expect(try CurveKeyPair(secretBytes: keys.secretBytes) == keys)
        #expect(try CurveKeyPair.generate() != keys)
    }

    /// The pair of zmq_curve(7): known to be right, and to everyone.
    @Test func theManualsKeysAreRefused() throws {
        for text in ["Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"] {
            #expect(try transportError { _ = try CurvePublicKey(z85: text) }.description.contains("manual"))
        }
        let secret: [UInt8] = [
            0x7B, 0xB8, 0x64, 0xB4, 0x89, 0xAF, 0xA3, 0x67, 0x1F, 0xBE, 0x69, 0x10, 0x1F, 0x94, 0xB3, 0x89,
            0x72, 0xF2, 0x48, 0x16, 0xDF, 0xB0, 0x1B, 0x51, 0x65, 0x6B, 0x3F, 0xEC, 0x8D, 0xFD, 0x08, 0x88,
        ]
        #expect(try transportError { _ = try CurveKeyPair(secretBytes: secret) }.description.contains("manual"))
    }

    @Test(arguments: [
        "", "short", String(repeating: "\"", count: 40), String(repeating: "#", count: 40),
        String(repeating: "é", count: 20), String(repeating: "0", count: 39) + "\0", String(repeating: "0", count: 41),
    ])
    func whatIsNoKeyIsAnError(text: String) {
        #expect(throws: TransportError.self) { try CurvePublicKey(z85: text) }
    }

    @Test func noSecretIsInADescription() throws {
        let keys = try CurveKeyPair.generate()
        #expect("\(keys)" == "key pair of \(keys.publicKey.z85)")
    }

    @Test func aKeyFileKeepsThePairAndIsPrivate() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/worker.key"
            let keys = try CurveKeyPair.generate()
            try keys.write(toFile: path)
            let mode = try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
            #expect(mode == 0o600)
            #expect(try CurveKeyPair(file: path) == keys)
            // A key is never overwritten, and nothing is left over from the attempt.
            #expect(throws: TransportError.self) { try CurveKeyPair.generate().write(toFile: path) }
            #expect(try CurveKeyPair(file: path) == keys)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["worker.key"])
        }
    }

    @Test func aKeyFileThatOthersMayReadIsRefused() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/worker.key"
            try CurveKeyPair.generate().write(toFile: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            let error = try transportError { _ = try CurveKeyPair(file: path) }
            #expect(error.description.contains("mode 640"))
            #expect(error.description.contains("chmod 600 \(path)"))
        }
    }

    @Test func aDamagedKeyFileIsAnErrorWithItsPath() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/worker.key"
            let keys = try CurveKeyPair.generate()
            try keys.write(toFile: path)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let other = try CurveKeyPair.generate().publicKey.z85
            let damaged = [
                "", "public", text.replacingOccurrences(of: "secret ", with: "Secret "),
                text.replacingOccurrences(of: keys.publicKey.z85, with: other), String(text.dropLast(5)),
            ]
            for content in damaged {
                let file = try #require(FileHandle(forWritingAtPath: path))
                try file.truncate(atOffset: 0)
                file.write(Data(content.utf8))
                try file.close()
                let error = try transportError { _ = try CurveKeyPair(file: path) }
                #expect(error.description.contains(path))
            }
            #expect(try transportError { _ = try CurveKeyPair(file: "\(directory)/none") }.code == ENOENT)
            #expect(try transportError { _ = try CurveKeyPair(file: directory) }.description.contains("ordinary file"))
        }
    }

    @Test func anAllowListHoldsKeysNamesAndComments() throws {
        let keys = try (0..<3).map { _ in try CurveKeyPair.generate().publicKey }
        let text = """
            # the workers of room 5
            \(keys[0])

              \(keys[1])   gpu-07 # the slow one
            ########################################
            #\(keys[2]) is on leave
            \(keys[0])\r
            """
        #expect(try AllowList.parse(text, place: "keys") == [keys[0], keys[1]])
        #expect(try AllowList.parse("", place: "keys").isEmpty)
    }

    @Test func aBadLineOfAnAllowListIsNamed() throws {
        let key = try CurveKeyPair.generate().publicKey
        let error = try transportError { _ = try AllowList.parse("\(key)\n\(key.z85.dropLast())\n", place: "keys") }
        #expect(error.description.contains("keys, line 2"))
    }

    @Test func anAllowListThatOthersMayChangeIsRefused() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/allowed"
            let key = try CurveKeyPair.generate().publicKey
            try "\(key)\n".write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            #expect(try AllowList.read(file: path) == [key])
            try FileManager.default.setAttributes([.posixPermissions: 0o664], ofItemAtPath: path)
            #expect(try transportError { _ = try AllowList.read(file: path) }.description.contains("go-w"))
        }
    }
}
