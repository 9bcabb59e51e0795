const { DatabaseSync } = require('node:sqlite');

module.exports = {
  servers: [],
  async setup() {
    const db = new DatabaseSync(':memory:');
    db.exec('CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)');
    db.exec("INSERT INTO rooms VALUES (1, 'room')");
    const statement = db.prepare('SELECT name FROM rooms WHERE id = ?');
    return {
      run: async () => statement.get(1),
      close: async () => {
        db.close();
      },
    };
  },
};
