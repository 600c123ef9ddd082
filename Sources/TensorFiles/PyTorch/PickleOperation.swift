/// Operations of pickles that are read; pickletools.py describes them.
enum PickleOperation: UInt8 {
  case mark = 0x28
  case stop = 0x2e
  case pop = 0x30
  case popMark = 0x31
  case float = 0x47
  case integer = 0x4a
  case byte = 0x4b
  case short = 0x4d
  case none = 0x4e
  case persistent = 0x51
  case reduce = 0x52
  case longText = 0x54
  case shortText = 0x55
  case text = 0x58
  case append = 0x61
  case build = 0x62
  case global = 0x63
  case extend = 0x65
  case get = 0x68
  case longGet = 0x6a
  case put = 0x71
  case longPut = 0x72
  case setItem = 0x73
  case tuple = 0x74
  case setItems = 0x75
  case emptyTuple = 0x29
  case emptyList = 0x5d
  case emptyDictionary = 0x7d
  case protocolNumber = 0x80
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case yes = 0x88
  case no = 0x89
  case bytes = 0x42
  case shortBytes = 0x43
  case newObject = 0x81
  case emptySet = 0x8f
  case addItems = 0x90
  case long = 0x8a
  case tinyText = 0x8c
  case hugeText = 0x8d
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95

  /// Of operations that pickles have and we do not; pickletools' names.
  private static let others: [UInt8: String] = [
    0x32: "DUP", 0x46: "FLOAT", 0x49: "INT", 0x4c: "LONG", 0x50: "PERSID", 0x53: "STRING",
    0x56: "UNICODE", 0x69: "INST", 0x6f: "OBJ", 0x67: "GET", 0x70: "PUT", 0x6c: "LIST",
    0x64: "DICT", 0x82: "EXT1",
    0x83: "EXT2", 0x84: "EXT4", 0x8b: "LONG4", 0x8e: "BINBYTES8", 0x91: "FROZENSET",
    0x92: "NEWOBJ_EX", 0x96: "BYTEARRAY8",
    0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
  ]

  static func name(of code: UInt8) -> String {
    others[code] ?? "0x" + String(code, radix: 16)
  }
}
