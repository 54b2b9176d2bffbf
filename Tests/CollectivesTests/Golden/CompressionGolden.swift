// Made by make_compression.py.

enum CompressionGolden {
    /// 65,536 floats rounded to float16.
    static let float16Digest: UInt64 = 0x7214_b70e_c5aa_c325
    static let float16Start: [UInt32] = [
        0x0000_0000, 0x0000_0000, 0x3c70_2000, 0xff80_0000, 0x7f80_0000, 0x0000_0000, 0xb550_0000, 0x7f80_0000,
        0xff80_0000, 0x0000_0000, 0x0000_0000, 0xff80_0000, 0x7f80_0000, 0x0000_0000, 0x0000_0000, 0x4541_4000,
    ]
    /// 65,536 floats rounded to bfloat16.
    static let bfloat16Digest: UInt64 = 0x09fa_03dc_3c2e_2325
    static let bfloat16Start: [UInt32] = [
        0x0001_0000, 0x9e39_0000, 0x3c70_0000, 0xdaa8_0000, 0x78df_0000, 0x1717_0000, 0xb54e_0000, 0x5385_0000,
        0xf1bd_0000, 0x8ff4_0000, 0x2e2c_0000, 0xcc63_0000, 0x6a9b_0000, 0x08d2_0000, 0xa70a_0000, 0x4541_0000,
    ]
    /// Three ranks, 1,000 elements, the results of four steps one after the other.
    static let int8Digest: UInt64 = 0x256e_32db_51e0_fd13
    static let int8Start: [UInt32] = [
        0xbfa0_9c79, 0x3ede_944e, 0x3e21_e039, 0xbdf2_d056, 0xbec5_4945, 0xbf29_76bc, 0xbf6d_c154, 0x3f40_3a44,
        0x3ef2_d056, 0x3e54_764b, 0xbd8d_a432, 0xbeb1_0d3e, 0xbf1a_49b6, 0x3f88_9530, 0x3f4c_dfc8, 0x3f08_9530,
    ]
}
