// mail_client.mjs - nodemailer sends and imapflow reads, both with an access token, as web mail does it.
// usage: node mail_client.mjs < {"host", "smtp", "imap", "ca", "user", "token", "subject"}     prints JSON
import { readFileSync } from 'node:fs';
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';

const job = JSON.parse(readFileSync(0, 'utf8'));
const tls = { ca: readFileSync(job.ca) };
const result = {};

try {
  const sender = nodemailer.createTransport({
    host: job.host, port: job.smtp, secure: false, requireTLS: true, tls,
    auth: { type: 'OAuth2', user: job.user, accessToken: job.token },
    connectionTimeout: 20000, socketTimeout: 20000,
  });
  const sent = await sender.sendMail({ from: job.user, to: job.user, subject: job.subject, text: 'Hello from nodemailer.' });
  result.sent = sent.response;
} catch (error) {
  result.sent = error.response ?? String(error);
}

const client = new ImapFlow({
  host: job.host, port: job.imap, secure: true, tls, logger: false,
  auth: { user: job.user, accessToken: job.token }, greetingTimeout: 20000, socketTimeout: 20000,
});
try {
  await client.connect();
  result.imap = 'ok';
  const lock = await client.getMailboxLock('INBOX');
  result.subjects = [];
  for (let left = 40; left > 0 && !result.subjects.includes(job.subject); left -= 1) {
    result.subjects = [];
    if (client.mailbox.exists) {
      for await (const message of client.fetch('1:*', { envelope: true })) {
        result.subjects.push(message.envelope.subject);
      }
    }
    if (!result.subjects.includes(job.subject)) {
      await new Promise((done) => { setTimeout(done, 250); });
      await client.noop();
    }
  }
  lock.release();
  await client.logout();
} catch (error) {
  result.imap = `${error.responseStatus ?? ''} ${error.serverResponseCode ?? ''} ${error.oauthError ? JSON.stringify(error.oauthError) : error}`.trim();
}
// After a refusal imapflow keeps a timer; there is nothing to wait for.
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
