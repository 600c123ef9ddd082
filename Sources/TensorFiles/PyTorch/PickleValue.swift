/// What a pickle of PyTorch's describes: dictionaries, lists and tuples of numbers, texts and tensors.
///
/// Containers are numbers of `Pickle.objects`: they may hold themselves, or each other in any number.
enum PickleValue: Hashable, Sendable {
  case none
  case truth(Bool)
  case integer(Int64)
  /// More than 64 bits; nothing that is read has any.
  case largeInteger
  case float(Double)
  case text(String)
  case global(PickleGlobal)
  case object(Int)
  /// What training scripts keep beside weights, of which nothing is known but that it is no tensor.
  case inert
}

/// All that a pickle may name; what it calls besides is refused.
enum PickleGlobal: Hashable, Sendable {
  case orderedDictionary
  /// It is made with what gives missing values.
  case defaultDictionary
  case tensor
  case parameter
  case storage(StoredElementType)
  /// The name of a value, or of what makes one, that weights do not depend on. It is not made.
  case inert

  /// By module and name, as a pickle has them.
  static let known: [String: PickleGlobal] = [
    "collections.OrderedDict": .orderedDictionary,
    "builtins.dict": .orderedDictionary,
    "__builtin__.dict": .orderedDictionary,
    "collections.defaultdict": .defaultDictionary,
    "torch._utils._rebuild_tensor_v2": .tensor,
    "torch._utils._rebuild_parameter": .parameter,
    "torch.FloatStorage": .storage(.float32),
    "torch.DoubleStorage": .storage(.float64),
    "torch.HalfStorage": .storage(.float16),
    "torch.BFloat16Storage": .storage(.bfloat16),
    "torch.CharStorage": .storage(.integer(bits: 8, signed: true)),
    "torch.ShortStorage": .storage(.integer(bits: 16, signed: true)),
    "torch.IntStorage": .storage(.integer(bits: 32, signed: true)),
    "torch.LongStorage": .storage(.integer(bits: 64, signed: true)),
    "torch.ByteStorage": .storage(.integer(bits: 8, signed: false)),
    "torch.BoolStorage": .storage(.integer(bits: 8, signed: false)),
  ].merging(inertNames.map { ($0, .inert) }) { known, _ in known }

  /// Options, counts and losses beside a state dict: arguments of the command line, numpy's numbers and
  /// arrays, types and devices.
  private static let inertNames =
    [
      "argparse.Namespace", "types.SimpleNamespace", "collections.Counter",
      "_codecs.encode", "pathlib.PosixPath", "pathlib.WindowsPath",
      "pathlib.Path", "datetime.datetime", "datetime.timedelta", "torch.device", "torch.Size",
      "numpy.dtype", "numpy.ndarray",
    ]
    + ["__builtin__", "builtins"].flatMap { module in
      ["set", "frozenset", "list", "int", "float", "bool", "str", "complex", "slice"].map {
        "\(module).\($0)"
      }
    }
    + ["numpy.core.multiarray", "numpy._core.multiarray"].flatMap {
      ["\($0).scalar", "\($0)._reconstruct"]
    }
    + [
      "float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64",
      "bool",
      "channels_last", "contiguous_format", "preserve_format", "strided",
    ].map { "torch.\($0)" }
}

/// Where the elements of tensors are, by a persistent identifier.
struct PickleStorage: Hashable, Sendable {
  let key: String
  let elementType: StoredElementType
  /// Elements of the whole.
  let count: Int
  /// The part that is seen through this one: PyTorch's older files share one between several.
  let view: Range<Int>
}

struct PickleTensor: Hashable, Sendable {
  let storage: PickleStorage
  /// In elements from the storage's first.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

enum PickleObject: Hashable, Sendable {
  case tuple([PickleValue])
  case list([PickleValue])
  case dictionary([PickleEntry])
  case storage(PickleStorage)
  case tensor(PickleTensor)
}

struct PickleEntry: Hashable, Sendable {
  let key: PickleValue
  let value: PickleValue
}

/// Why a pickle is not read, in words that follow the file's name.
struct PickleFault: Error {
  let text: String
  /// Whether the pickle asks for something that a dictionary of tensors does not need, so that others
  /// may be in it.
  var isRefusal = false
}
