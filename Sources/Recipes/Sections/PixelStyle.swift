import ImageData
import Networks

extension Preprocessing.Style {
  /// What a family's published weights expect; `torch` for a family that does not exist.
  package init(family: String) {
    switch NetworkFamily.all.first(where: { $0.name == family })?.pixels {
    case .torch, nil: self = .torch
    case .caffe: self = .caffe
    case .tf: self = .tf
    case .lite: self = .lite
    }
  }

  /// What the published weights of a network of `keras.applications` expect, by the name that Keras gives
  /// it (`resnet50`, `mobilenetv2_1.00_224`); `nil` for other names, and for networks that normalise images
  /// themselves.
  package init?(kerasApplication name: String) {
    let name = name.lowercased()
    func begins(_ prefixes: String...) -> Bool { prefixes.contains { name.hasPrefix($0) } }
    if ["vgg16", "vgg19", "resnet50", "resnet101", "resnet152"].contains(name) {
      self = .caffe
    } else if [
      "xception", "inception_v3", "inception_resnet_v2", "resnet50v2", "resnet101v2", "resnet152v2",
    ]
    .contains(name) || begins("mobilenet_", "mobilenetv2_", "nasnet") {
      self = .tf
    } else if ["densenet121", "densenet169", "densenet201"].contains(name) {
      self = .torch
    } else {
      return nil
    }
  }
}
