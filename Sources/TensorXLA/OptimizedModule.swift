/// What a compiler made of a module: XLA's HloModuleProto, as far as it is read.
enum OptimizedModule {
  /// How often each operation by which devices exchange values stands in a module.
  static func collectives(_ bytes: [UInt8]) -> [String: Int] {
    let kinds = [
      "all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter",
    ]
    var counts: [String: Int] = [:]
    forEachInstruction(of: bytes) { name, _ in
      // Some are begun and awaited by two instructions.
      if let kind = kinds.first(where: { name == $0 || name == $0 + "-start" }) {
        counts[kind, default: 0] += 1
      }
    }
    return counts
  }

  /// How often each function of a library is called: the targets of custom calls.
  static func libraryCalls(_ bytes: [UInt8]) -> [String: Int] {
    var counts: [String: Int] = [:]
    forEachInstruction(of: bytes) { name, instruction in
      guard name == "custom-call", let target = fields(28, of: instruction).first else { return }
      counts[String(decoding: target, as: UTF8.self), default: 0] += 1
    }
    return counts
  }

  private static func forEachInstruction(
    of bytes: [UInt8], _ body: (_ opcode: String, _ instruction: ArraySlice<UInt8>) -> Void
  ) {
    // HloModuleProtoWithConfig.hlo_module or HloModuleProto itself; computations; instructions; opcode.
    let modules = fields(1, of: bytes[...]).filter { !fields(3, of: $0).isEmpty }
    for module in modules.isEmpty ? [bytes[...]] : modules {
      for computation in fields(3, of: module) {
        for instruction in fields(2, of: computation) {
          guard let opcode = fields(2, of: instruction).first else { continue }
          body(String(decoding: opcode, as: UTF8.self), instruction)
        }
      }
    }
  }

  /// The fields of a number that hold bytes. Ends where the message makes no sense.
  private static func fields(_ number: Int, of message: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var (rest, found) = (message, [ArraySlice<UInt8>]())
    func varint() -> Int? {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst(), shift < 63 {
        value |= Int(byte & 127) << shift
        if byte < 128 { return value }
        shift += 7
      }
      return nil
    }
    while let key = varint() {
      switch key & 7 {
      case 0: guard varint() != nil else { return found }
      case 1: rest = rest.dropFirst(8)
      case 2:
        guard let count = varint(), count >= 0, count <= rest.count else { return found }
        if key >> 3 == number { found.append(rest.prefix(count)) }
        rest = rest.dropFirst(count)
      case 5: rest = rest.dropFirst(4)
      default: return found
      }
    }
    return found
  }
}
