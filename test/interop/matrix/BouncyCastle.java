import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.GCMParameters;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jcajce.io.CipherInputStream;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.InputAEADDecryptor;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.util.CollectionStore;

/**
 * CMS with Bouncy Castle for the interoperability matrix. One JVM answers all requests: a line is a command and its
 * arguments parted by tabs, the last the content in base64; an answer is "ok" and base64, or "error" and what was said.
 * Argument: the folder with root.pem and a .pem and a .key for each person.
 */
public class BouncyCastle {
  static final Map<String, ASN1ObjectIdentifier> CIPHERS = Map.of(
      "aes-128-cbc", CMSAlgorithm.AES128_CBC,
      "aes-192-cbc", CMSAlgorithm.AES192_CBC,
      "aes-256-cbc", CMSAlgorithm.AES256_CBC,
      "aes-128-gcm", CMSAlgorithm.AES128_GCM,
      "aes-256-gcm", CMSAlgorithm.AES256_GCM,
      "3des", CMSAlgorithm.DES_EDE3_CBC,
      "rc2-128", CMSAlgorithm.RC2_CBC);
  static final ASN1ObjectIdentifier HKDF_SHA256 = new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.19");
  static Path folder;

  public static void main(String[] args) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    folder = Path.of(args[0]);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split("\t", -1);
      try {
        byte[] made = answer(words, Base64.getDecoder().decode(words[words.length - 1]));
        System.out.println("ok\t" + Base64.getEncoder().encodeToString(made));
      } catch (Throwable error) {
        var cause = error.getCause() == null ? "" : ": " + error.getCause().getMessage();
        System.out.println("error\t" + (error + cause).replaceAll("\\s+", " "));
      }
    }
  }

  static byte[] answer(String[] words, byte[] content) throws Exception {
    switch (words[0]) {
      case "sign": return sign(words[1], words[2], List.of(words[3].split(",")), content);
      case "encrypt": return encrypt(words[1].split(","), words[2], List.of(words[3].split(",")), content);
      case "verify": return verify(Base64.getDecoder().decode(words[1]), content);
      case "decrypt": return decrypt(words[1], content);
      case "compress": return new CMSCompressedDataGenerator()
          .generate(new CMSProcessableByteArray(content), new ZlibCompressor()).getEncoded();
      case "decompress": return new CMSCompressedData(content).getContent(new ZlibExpanderProvider());
      default: return new BouncyCastleProvider().getVersionStr().getBytes(StandardCharsets.US_ASCII);
    }
  }

  static X509Certificate certificate(String name) throws Exception {
    try (var in = Files.newInputStream(folder.resolve(name + ".pem"))) {
      return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(in);
    }
  }

  static PrivateKey key(String name) throws Exception {
    String pem = Files.readString(folder.resolve(name + ".key")).replaceAll("-----[^-]+-----|\\s", "");
    return BouncyCastleProvider.getPrivateKey(PrivateKeyInfo.getInstance(Base64.getDecoder().decode(pem)));
  }

  static byte[] keyIdentifier(X509Certificate certificate) throws Exception {
    var spki = SubjectPublicKeyInfo.getInstance(certificate.getPublicKey().getEncoded());
    return new JcaX509ExtensionUtils().createSubjectKeyIdentifier(spki).getKeyIdentifier();
  }

  static byte[] encoded(ContentInfo info, List<String> options) throws Exception {
    return info.getEncoded(options.contains("indefinite") ? ASN1Encoding.BER : ASN1Encoding.DL);
  }

  static byte[] sign(String signer, String digest, List<String> options, byte[] content) throws Exception {
    var certificate = certificate(signer);
    String algorithm = digest.toUpperCase();
    if (signer.startsWith("ed")) algorithm = "Ed25519";
    else if (signer.startsWith("p")) algorithm += "withECDSA";
    else algorithm += options.contains("pss") ? "withRSAandMGF1" : "withRSA";
    var contentSigner = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(key(signer));
    var digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    var builder = new SignerInfoGeneratorBuilder(digests).setDirectSignature(options.contains("noAttributes"));
    var generator = new CMSSignedDataGenerator();
    generator.addSignerInfoGenerator(options.contains("keyIdentifier")
        ? builder.build(contentSigner, keyIdentifier(certificate))
        : builder.build(contentSigner, new JcaX509CertificateHolder(certificate)));
    generator.addCertificate(new JcaX509CertificateHolder(certificate));
    var made = generator.generate(new CMSProcessableByteArray(content), options.contains("opaque"));
    return encoded(made.toASN1Structure(), options);
  }

  static RecipientInfoGenerator recipient(String name, List<String> options) throws Exception {
    var certificate = certificate(name);
    if (name.startsWith("rsa")) {
      if (options.contains("oaep")) {
        var oaep = new OAEPParameterSpec("SHA-256", "MGF1", new MGF1ParameterSpec("SHA-256"), PSource.PSpecified.DEFAULT);
        var algorithm = new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, oaep);
        return new JceKeyTransRecipientInfoGenerator(certificate, algorithm).setProvider("BC");
      }
      return options.contains("keyIdentifier")
          ? new JceKeyTransRecipientInfoGenerator(keyIdentifier(certificate), certificate.getPublicKey()).setProvider("BC")
          : new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC");
    }
    boolean montgomery = name.startsWith("x");
    var pairs = KeyPairGenerator.getInstance(montgomery ? "X25519" : "EC", "BC");
    if (!montgomery) pairs.initialize(new ECGenParameterSpec("P-" + name.substring(1)));
    KeyPair ephemeral = pairs.generateKeyPair();
    var agreement = montgomery ? HKDF_SHA256 : CMSAlgorithm.ECDH_SHA256KDF;
    var generator = new JceKeyAgreeRecipientInfoGenerator(
        agreement, ephemeral.getPrivate(), ephemeral.getPublic(), CMSAlgorithm.AES256_WRAP).setProvider("BC");
    return options.contains("keyIdentifier")
        ? generator.addRecipient(keyIdentifier(certificate), certificate.getPublicKey())
        : generator.addRecipient(certificate);
  }

  static byte[] encrypt(String[] names, String cipher, List<String> options, byte[] content) throws Exception {
    var builder = cipher.startsWith("rc2")
        ? new JceCMSContentEncryptorBuilder(CIPHERS.get(cipher), 128)
        : new JceCMSContentEncryptorBuilder(CIPHERS.get(cipher));
    OutputEncryptor encryptor = builder.setProvider("BC").build();
    var processable = new CMSProcessableByteArray(content);
    if (cipher.endsWith("gcm")) {
      var generator = new CMSAuthEnvelopedDataGenerator();
      for (String name : names) generator.addRecipientInfoGenerator(recipient(name, options));
      return encoded(generator.generate(processable, (OutputAEADEncryptor) encryptor).toASN1Structure(), options);
    }
    var generator = new CMSEnvelopedDataGenerator();
    for (String name : names) generator.addRecipientInfoGenerator(recipient(name, options));
    return encoded(generator.generate(processable, encryptor).toASN1Structure(), options);
  }

  static byte[] verify(byte[] content, byte[] cms) throws Exception {
    var signed = content.length == 0
        ? new CMSSignedData(cms)
        : new CMSSignedData(new CMSProcessableByteArray(content), cms);
    var signers = signed.getSignerInfos().getSigners();
    if (signers.size() != 1) throw new IllegalStateException("signers: " + signers.size());
    for (var signer : signers) {
      @SuppressWarnings("unchecked")
      var found = ((CollectionStore<X509CertificateHolder>) signed.getCertificates()).getMatches(signer.getSID());
      var holder = (X509CertificateHolder) found.iterator().next();
      var verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder);
      if (!signer.verify(verifier)) throw new IllegalStateException("the signature does not fit");
      var certificate = (X509Certificate) CertificateFactory.getInstance("X.509", "BC")
          .generateCertificate(new java.io.ByteArrayInputStream(holder.getEncoded()));
      certificate.verify(certificate("root").getPublicKey(), "BC");
    }
    return (byte[]) signed.getSignedContent().getContent();
  }

  static byte[] decrypt(String name, byte[] cms) throws Exception {
    var type = ContentInfo.getInstance(cms).getContentType();
    boolean authenticated = type.equals(org.bouncycastle.asn1.cms.CMSObjectIdentifiers.authEnvelopedData);
    var recipients = authenticated
        ? new CMSAuthEnvelopedData(cms).getRecipientInfos()
        : new CMSEnvelopedData(cms).getRecipientInfos();
    var certificate = certificate(name);
    boolean transport = name.startsWith("rsa");
    RecipientId id = transport ? new JceKeyTransRecipientId(certificate) : new JceKeyAgreeRecipientId(certificate);
    for (RecipientInformation each : recipients.getRecipients(id)) {
      Recipient reader = transport
          ? authenticated
              ? new JceKeyTransAuthEnvelopedRecipient(key(name)).setProvider("BC")
              : new JceKeyTransEnvelopedRecipient(key(name)).setProvider("BC")
          : authenticated
              ? new KeyAgreeAuthEnvelopedRecipient(key(name)).setProvider("BC")
              : new JceKeyAgreeEnvelopedRecipient(key(name)).setProvider("BC");
      return each.getContent(reader);
    }
    throw new IllegalStateException("no recipient info of " + name);
  }

  /** Bouncy Castle 1.72 has this class for key transport only; the agreement, the cipher and the stream are its own. */
  static class KeyAgreeAuthEnvelopedRecipient extends JceKeyAgreeRecipient {
    KeyAgreeAuthEnvelopedRecipient(PrivateKey key) {
      super(key);
    }

    @Override
    public RecipientOperator getRecipientOperator(AlgorithmIdentifier wrap, AlgorithmIdentifier cipher,
        SubjectPublicKeyInfo sender, ASN1OctetString material, byte[] wrapped) throws CMSException {
      var secret = extractSecretKey(wrap, cipher, sender, material, wrapped);
      try {
        var parameters = GCMParameters.getInstance(cipher.getParameters());
        var gcm = Cipher.getInstance("AES/GCM/NoPadding", "BC");
        gcm.init(Cipher.DECRYPT_MODE, secret, new GCMParameterSpec(parameters.getIcvLen() * 8, parameters.getNonce()));
        return new RecipientOperator(new GcmDecryptor(cipher, gcm));
      } catch (GeneralSecurityException error) {
        throw new CMSException("GCM", error);
      }
    }
  }

  record GcmDecryptor(AlgorithmIdentifier algorithm, Cipher gcm) implements InputAEADDecryptor {
    public AlgorithmIdentifier getAlgorithmIdentifier() {
      return algorithm;
    }

    /** The stream ends with the tag, and throws when that does not fit. */
    public InputStream getInputStream(InputStream encrypted) {
      return new CipherInputStream(encrypted, gcm);
    }

    public OutputStream getAADStream() {
      return new OutputStream() {
        @Override
        public void write(int octet) {
          gcm.updateAAD(new byte[] {(byte) octet});
        }
      };
    }

    public byte[] getMAC() {
      return null;
    }
  }
}
