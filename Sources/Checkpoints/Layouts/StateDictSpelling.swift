/// How a program spells names that PyTorch's networks have otherwise.
enum StateDictSpelling: CaseIterable, Hashable {
  /// As the network does.
  case own
  /// `norm.1` and `conv.1` of DenseNets until torchvision 0.2 for `norm1` and `conv1`.
  case oldDenseNet
  /// Hugging Face's ResNets: `resnet.encoder.stages.0.layers.0.layer.0.convolution` for
  /// `layer1.0.conv1`.
  case huggingFaceResNet

  /// What the user should know of it.
  var note: String? {
    switch self {
    case .own: nil
    case .oldDenseNet: "has the names norm.1 and conv.1 for norm1 and conv1"
    case .huggingFaceResNet: "has the names of Hugging Face's ResNets, embedder, stages and layers"
    }
  }

  /// The network's name of a parameter; itself where the spelling does not change it.
  func name(of name: String) -> String {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    switch self {
    case .own: return name
    case .oldDenseNet: return Self.denseNetName(parts)
    case .huggingFaceResNet: return Self.resNetName(parts) ?? name
    }
  }

  private static func denseNetName(_ given: [Substring]) -> String {
    var parts = given
    if let place = parts.indices.dropLast().first(where: { index in
      (parts[index] == "norm" || parts[index] == "conv")
        && (parts[index + 1] == "1" || parts[index + 1] == "2")
        && index > 0 && parts[index - 1].hasPrefix("denselayer")
    }) {
      parts[place] += parts[place + 1]
      parts.remove(at: place + 1)
    }
    return parts.joined(separator: ".")
  }

  /// `nil` for what is no part of such a network.
  private static func resNetName(_ given: [Substring]) -> String? {
    var parts = given[...]
    if parts.first == "resnet" { parts = parts.dropFirst() }
    guard let parameter = parts.popLast() else { return nil }
    let path = Array(parts)
    switch path.first {
    case "embedder" where path.count == 3 && path[1] == "embedder":
      return unit(path[2], ("conv1", "bn1"), parameter)
    case "encoder" where path.count >= 7 && path[1] == "stages" && path[3] == "layers":
      guard let stage = Int(path[2]), (0..<1000).contains(stage), Int(path[4]) != nil else {
        return nil
      }
      let block = "layer\(stage + 1).\(path[4])."
      if path.count == 7, path[5] == "shortcut" {
        return unit(path[6], ("downsample.0", "downsample.1"), parameter).map { block + $0 }
      }
      guard path.count == 8, path[5] == "layer", let number = Int(path[6]),
        (0..<1000).contains(number)
      else { return nil }
      return unit(path[7], ("conv\(number + 1)", "bn\(number + 1)"), parameter).map { block + $0 }
    case "classifier" where path.count == 2 && path[1] == "1":
      return "fc.\(parameter)"
    default: return nil
    }
  }

  /// A convolution and its batch norm.
  private static func unit(
    _ kind: Substring, _ names: (convolution: String, norm: String), _ parameter: Substring
  ) -> String? {
    switch kind {
    case "convolution": "\(names.convolution).\(parameter)"
    case "normalization": "\(names.norm).\(parameter)"
    default: nil
    }
  }
}
